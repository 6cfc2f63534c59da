"""The API of enrolment: what it answers, and what it refuses under which name."""
