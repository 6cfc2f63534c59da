"""Starts notifications alone: `python -m services.notifications`."""

import eventlet

eventlet.monkey_patch()

from services.__main__ import main

main(["serve", "notifications"])
