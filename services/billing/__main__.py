"""Starts billing alone: `python -m services.billing`."""

# Its first statement is the monkey-patching.
from services.__main__ import main

main(["serve", "billing"])
