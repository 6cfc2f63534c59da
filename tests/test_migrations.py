"""Every service's migrations make the tables its code uses, on either database, also when run twice."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate, pending_migrations
from services.chassis.storage.tables import metadata as chassis_metadata
from services.contracts.registry import SERVICES


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_make_the_tables(service: str, make_storage: Callable[[str], Storage]) -> None:
    storage = make_storage(service)
    migrate(storage, service)
    metadata = [import_module(f"services.{service}.tables").metadata, chassis_metadata]
    versions = {"chassis_version", f"{service}_version"}
    with storage.reading() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, _parents: kind != "table" or name not in versions,
                "compare_type": True,
            },
        )
        differences = compare_metadata(context, metadata)  # type: ignore[arg-type]
    assert differences == []
    assert pending_migrations(storage, service) == []
