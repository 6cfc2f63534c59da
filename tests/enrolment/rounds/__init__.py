"""Mirrors services/enrolment/rounds."""
