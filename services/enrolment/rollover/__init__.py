"""Carrying places and queue positions over to the next term: loaded, shown, done."""
