"""Running services: all of them embedded in one process, or one a process on servers."""

from __future__ import annotations

import os
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import eventlet
import sqlalchemy as sa

from services.chassis.clock import SystemClock
from services.chassis.municipality import is_county_code, is_municipality_code
from services.chassis.process import Composition, PortTaken, Process, listen_on
from services.chassis.settings import read_settings
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate, pending_migrations
from services.chassis.storage.tables import inbox, inbox_positions, outbox_streams
from services.chassis.web.access import ROLES, Actor
from services.chassis.web.session import Sessions
from services.contracts.registry import SERVICES, STREAMS, SUBSCRIPTIONS

__all__ = ["SERVICES", "CannotRun"]

CATCH_UP_SECONDS = 120


class CannotRun(Exception):
    """What stands in the way, and what to do about it, in one line."""


def logs_as_json() -> bool:
    return os.environ.get("LOG_FORMAT", "text") == "json"


def compose(service: str) -> Composition:
    """The service as its wiring puts it together, by the environment's settings."""
    composition: Composition = import_module(f"services.{service}.wiring").compose(
        read_settings(service), SystemClock()
    )
    return composition


def run_embedded(county: str) -> int:
    """All services in this process; the exit code. Raises CannotRun."""
    compositions = [compose(service) for service in SERVICES]
    settings = compositions[0].parts.settings
    listener = _listen(settings.host, settings.port)
    for composition in compositions:
        migrate(composition.parts.storage, composition.parts.service)
    process = Process(compositions, listener)
    process.stop_on_signals()
    process.start()
    eventlet.spawn(_load_and_tell, compositions, Path(county), settings.public_url)
    return process.wait()


def _load_and_tell(compositions: list[Composition], county: Path, address: str) -> None:
    storages = {c.parts.service: c.parts.storage for c in compositions}
    load_into(storages, county, demo=True)
    click.echo(
        f"""
  Samklang is running: {address}

  Try this:
    1. Search the courses:              {address}/courses
    2. Sign in as a demo person:        {address}/login
       Maria, guardian in Norberg, can apply for a course in Västerås.
    3. Read the confirmation mail:      {address}/mail
    4. Staff see who takes part:        {address}/staff
    5. Cost shares of 2025:             {address}/finance/2025
    6. How the facts are doing:         {address}/operations
       For Prometheus:                  {address}/metrics

  The data is kept in {compositions[0].parts.settings.var}. Stop with Ctrl-C.
"""
    )


def serve(service: str) -> int:
    """One service in this process; the exit code. Raises CannotRun."""
    composition = compose(service)
    settings = composition.parts.settings
    behind = pending_migrations(composition.parts.storage, service)
    if behind:
        raise CannotRun(f"the database of {service} is not at this release: run `samklang migrate {service}`")
    process = Process([composition], _listen(settings.host, settings.port))
    process.stop_on_signals()
    process.start()
    click.echo(f"samklang: {service} listens on http://{settings.host}:{settings.port}")
    return process.wait()


def _listen(host: str, port: int) -> Any:
    try:
        return listen_on(host, port)
    except PortTaken as error:
        raise CannotRun(f"{error}. Choose another: PORT={port + 1} make run") from error


def migrate_databases(service: str | None) -> None:
    for name in [service] if service else SERVICES:
        storage = storage_of(name)
        migrate(storage, name)
        storage.close()
        click.echo(f"samklang: the database of {name} is at this release")


def storage_of(service: str) -> Storage:
    return Storage(read_settings(service).database_url, SystemClock(), pool_size=2)


def load_county(county: str, *, demo: bool) -> None:
    """Load into the databases of running services; facts carry it on from there."""
    storages = {service: storage_of(service) for service in SERVICES}
    load_into(storages, Path(county), demo=demo)
    click.echo("samklang: the county is loaded")


def load_into(storages: dict[str, Storage], county: Path, *, demo: bool) -> None:
    """Each service loads its own files; whoever builds on another's facts waits until it has them."""
    import_module("services.catalogue.county").load(storages["catalogue"], county)
    import_module("services.billing.county").load(storages["billing"], county)
    if not demo:
        return
    wait_until_handled(storages, "catalogue", ("enrolment", "billing"))
    import_module("services.enrolment.county").load(storages["enrolment"], county)
    import_module("services.billing.county").load_demo(storages["billing"], county)
    for source in ("enrolment", "enrolment.contacts", "billing"):
        wait_until_handled(storages, source, _readers(source))


def _readers(source: str) -> tuple[str, ...]:
    return tuple(service for service in SERVICES if source in SUBSCRIPTIONS[service])


def wait_until_handled(storages: dict[str, Storage], source: str, readers: tuple[str, ...]) -> None:
    """Until every reader has handled all that the stream's publisher has recorded. Raises CannotRun."""
    publisher = next(service for service in SERVICES if source in STREAMS[service])
    with storages[publisher].reading() as connection:
        last = connection.scalar(
            sa.select(outbox_streams.c.last_sequence).where(outbox_streams.c.source == source)
        )
    deadline = time.monotonic() + CATCH_UP_SECONDS
    for reader in readers:
        while not _has_handled(storages[reader], source, last or 0):
            if time.monotonic() > deadline:
                raise CannotRun(f"{reader} has not handled the facts of {source}: is it running?")
            eventlet.sleep(0.05)


def _has_handled(storage: Storage, source: str, through: int) -> bool:
    with storage.reading() as connection:
        received = connection.scalar(
            sa.select(inbox_positions.c.received_through).where(inbox_positions.c.source == source)
        )
        waiting = connection.scalar(
            sa.select(sa.func.count()).where(
                inbox.c.source == source, inbox.c.handled_at.is_(None), inbox.c.parked_at.is_(None)
            )
        )
    return (received or 0) >= through and not waiting


def make_token(role: str, municipality: str, person: str | None, name: str, days: int) -> str:
    """A token signed with this environment's SECRET_KEY. Raises CannotRun."""
    if role not in ROLES:
        raise CannotRun(f"{role} is no role; roles are {', '.join(ROLES)}")
    if not is_municipality_code(municipality) and not is_county_code(municipality):
        raise CannotRun(f"{municipality} is neither a municipality's four digits nor a county's two")
    if role in ("guardian", "pupil") and person is None:
        raise CannotRun(f"a token for a {role} needs --person")
    sessions = Sessions(read_settings("enrolment").secret_key, secure=True)
    return sessions.token(Actor(name, role, municipality, "", person), days)
