"""The whole product, as people and programs meet it, in both ways of running."""
