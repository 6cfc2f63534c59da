"""Tests of the catalogue, mirroring its rooms."""
