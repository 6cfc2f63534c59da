"""Starts billing alone: `python -m services.billing`."""

import eventlet

eventlet.monkey_patch()

from services.__main__ import main

main(["serve", "billing"])
