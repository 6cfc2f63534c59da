"""Starts catalogue alone: `python -m services.catalogue`."""

import eventlet

eventlet.monkey_patch()

from services.__main__ import main

main(["serve", "catalogue"])
