"""Starts notifications alone: `python -m services.notifications`."""

# Its first statement is the monkey-patching.
from services.__main__ import main

main(["serve", "notifications"])
