"""Starts enrolment alone: `python -m services.enrolment`."""

import eventlet

eventlet.monkey_patch()

from services.__main__ import main

main(["serve", "enrolment"])
