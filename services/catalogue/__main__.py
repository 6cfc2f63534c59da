"""Starts catalogue alone: `python -m services.catalogue`."""

# Its first statement is the monkey-patching.
from services.__main__ import main

main(["serve", "catalogue"])
