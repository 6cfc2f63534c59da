"""Alembic's entry to this history; see services/chassis/storage/migrate.py."""

from services.chassis.storage.migrate import run_migrations

run_migrations()
