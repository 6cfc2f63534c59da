"""The files that a deployment is made of."""
