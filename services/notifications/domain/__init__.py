"""The rules of notifications: plain Python, no database, no framework."""
