"""Tests of billing, room by room."""
