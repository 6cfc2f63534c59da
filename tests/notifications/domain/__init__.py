"""Tests of the rules of notifications."""
