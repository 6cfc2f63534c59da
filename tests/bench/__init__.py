"""Measurements on this machine: each module prints one line of JSON, with its name in `bench`."""
