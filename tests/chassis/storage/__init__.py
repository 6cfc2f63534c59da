"""Unit of work, outbox, inbox and migrations: the same suite on SQLite and PostgreSQL."""
