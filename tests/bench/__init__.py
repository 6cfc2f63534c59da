"""Measurements on private servers: each script prints one line of JSON. `make bench` runs them."""
