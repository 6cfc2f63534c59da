"""The rules of cost shares."""
