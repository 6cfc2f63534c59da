"""Tests of enrolment, room by room."""
