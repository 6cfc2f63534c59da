"""Starts enrolment alone: `python -m services.enrolment`."""

# Its first statement is the monkey-patching.
from services.__main__ import main

main(["serve", "enrolment"])
