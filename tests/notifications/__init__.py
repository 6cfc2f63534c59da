"""Tests of notifications, room by room."""
