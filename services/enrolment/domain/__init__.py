"""The rules of enrolment: plain Python, no database, no framework."""
