"""Running services: all of them embedded in one process, or one a process on servers."""

from __future__ import annotations

import os
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import eventlet
import marshmallow
import sqlalchemy as sa
import structlog
import yaml

from services.chassis.clock import SystemClock
from services.chassis.municipality import is_county_code, is_municipality_code
from services.chassis.process import CannotListen, Composition, Process, listen_on
from services.chassis.refusals import Refused
from services.chassis.settings import read_settings
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate, pending_migrations
from services.chassis.storage.tables import inbox, inbox_positions, outbox_streams
from services.chassis.web.access import ROLES, Actor
from services.chassis.web.languages import speakable
from services.chassis.web.session import Sessions
from services.contracts.registry import SERVICES, STREAMS, SUBSCRIPTIONS

__all__ = ["SERVICES", "CannotRun"]

CATCH_UP_SECONDS = 120

log = structlog.get_logger("command_line")


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
    folder = _county_folder(county)
    compositions = [compose(service) for service in chosen(None)]
    settings = compositions[0].parts.settings
    listener = _listen(settings.host, settings.port)
    for composition in compositions:
        migrate(composition.parts.storage, composition.parts.service)
    process = Process(compositions, listener)
    process.stop_on_signals()
    process.start()
    eventlet.spawn(_load_and_tell, process, compositions, folder, settings.public_url)
    return process.wait()


def _county_folder(county: str) -> Path:
    """Raises CannotRun."""
    folder = Path(county)
    if not (folder / "county.yaml").is_file():
        raise CannotRun(f"{county} is no county's folder: it has no county.yaml")
    return folder


def _load_and_tell(process: Process, compositions: list[Composition], county: Path, address: str) -> None:
    """Runs beside the services, so what fails here ends the process: half a county is nothing to try."""
    storages = {c.parts.service: c.parts.storage for c in compositions}
    try:
        load_into(storages, county, demo=True)
    except CannotRun as error:
        click.echo(f"samklang: {error}", err=True)
        return process.end(2)
    except Exception:
        log.exception("county_not_loaded")
        return process.end(1)
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
    os.nice(composition.niceness)
    _require_migrated(composition.parts.storage, service)
    process = Process([composition], _listen(settings.host, settings.port))
    process.stop_on_signals()
    process.start()
    click.echo(f"samklang: {service} listens on http://{settings.host}:{settings.port}")
    return process.wait()


def _listen(host: str, port: int) -> Any:
    try:
        return listen_on(host, port)
    except CannotListen as error:
        other = port + 1 if 1024 <= port < 65535 else 8001
        raise CannotRun(f"{error}. Choose another, for instance PORT={other}") from error


def migrate_databases(service: str | None) -> None:
    """Raises CannotRun."""
    for name in chosen(service):
        storage = _open(name)
        try:
            migrate(storage, name)
        except sa.exc.OperationalError as error:
            raise _unreachable(name, error) from error
        finally:
            storage.close()
        click.echo(f"samklang: the database of {name} is at this release")


def chosen(service: str | None) -> tuple[str, ...]:
    """The one service, or all: each has a database of its own, so one address must do for four.

    Raises CannotRun.
    """
    if service is not None:
        return (service,)
    url = os.environ.get("DATABASE_URL")
    if url and "{service}" not in url:
        raise CannotRun("DATABASE_URL needs {service} in it: each service has a database of its own")
    return SERVICES


def _open(service: str) -> Storage:
    return Storage(read_settings(service).database_url, SystemClock(), pool_size=2)


def storage_of(service: str) -> Storage:
    """The service's database, at this release. Raises CannotRun."""
    storage = _open(service)
    _require_migrated(storage, service)
    return storage


def _require_migrated(storage: Storage, service: str) -> None:
    try:
        behind = pending_migrations(storage, service)
    except sa.exc.OperationalError as error:
        raise _unreachable(service, error) from error
    if behind:
        raise CannotRun(f"the database of {service} is not at this release: run `samklang migrate {service}`")


def _unreachable(service: str, error: sa.exc.OperationalError) -> CannotRun:
    """The driver's own words, of which the first line says what is wrong, and none the password."""
    said = str(error.orig).strip().splitlines()
    return CannotRun(f"the database of {service} does not answer: {said[0] if said else 'no reason given'}")


def load_county(county: str, *, demo: bool, term_id: str | None = None) -> None:
    """Load into the databases of running services; facts carry it on from there. Raises CannotRun."""
    folder = _county_folder(county)
    storages = {service: storage_of(service) for service in chosen(None)}
    load_into(storages, folder, demo=demo, term_id=term_id)
    click.echo("samklang: the county is loaded")


def load_into(storages: dict[str, Storage], county: Path, *, demo: bool, term_id: str | None = None) -> None:
    """Each service loads its own files; whoever builds on another's facts waits until it has them.

    Raises CannotRun for files that cannot be loaded, in one line.
    """
    try:
        _load_into(storages, county, term_id, demo=demo)
    except Refused as error:
        facts = {name: speakable(value) for name, value in error.refusal.facts.items()}
        raise CannotRun(f"{county} cannot be loaded: {error.refusal.reason % facts}") from error
    except (OSError, KeyError, yaml.YAMLError, marshmallow.ValidationError) as error:
        said = " ".join(str(error).split())
        raise CannotRun(f"{county} cannot be loaded: {type(error).__name__}: {said}") from error


def _load_into(storages: dict[str, Storage], county: Path, term_id: str | None, *, demo: bool) -> None:
    import_module("services.catalogue.county").load(storages["catalogue"], county, term_id)
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
