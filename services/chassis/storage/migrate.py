"""Migrations: the chassis' tables and the service's own, each with its own history, on either database."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from services.chassis.storage.engine import Storage
from services.chassis.storage.inbox import insert_ignoring
from services.chassis.storage.tables import outbox_streams
from services.contracts.registry import STREAMS

SERVICES = Path(__file__).parents[2]
CHASSIS = "chassis"


def histories(service: str) -> dict[str, Path]:
    """The migration histories in a service's database: name -> folder."""
    return {
        CHASSIS: SERVICES / "chassis" / "storage" / "migrations",
        service: SERVICES / service / "migrations",
    }


def migrate(storage: Storage, service: str) -> None:
    """Bring the database to this release. Running it again changes nothing; two at once take turns."""
    with storage.writing_connection() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(7_265_837)))
        for name, folder in histories(service).items():
            command.upgrade(_config(connection, name, folder), "head")
        for source in STREAMS[service]:
            zero = {"source": source, "last_sequence": 0, "sent_through": 0}
            connection.execute(insert_ignoring(connection, outbox_streams), zero)


def pending_migrations(storage: Storage, service: str) -> list[str]:
    """The histories that are not at this release's head, by name."""
    behind = []
    with storage.reading() as connection:
        for name, folder in histories(service).items():
            script = ScriptDirectory.from_config(_config(connection, name, folder))
            migration = MigrationContext.configure(connection, opts={"version_table": f"{name}_version"})
            if set(migration.get_current_heads()) != set(script.get_heads()):
                behind.append(name)
    return behind


def _config(connection: sa.Connection, name: str, folder: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    config.attributes.update(connection=connection, version_table=f"{name}_version")
    return config


def run_migrations() -> None:
    """What every `migrations/env.py` calls: run on the connection that `migrate` gave."""
    attributes = context.config.attributes
    context.configure(connection=attributes["connection"], version_table=attributes["version_table"])
    with context.begin_transaction():
        context.run_migrations()
