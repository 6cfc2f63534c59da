"""Looking after facts: invariants, replay from the log, and what is parked."""

from __future__ import annotations

import getpass
from importlib import import_module

import click

from services.chassis import consistency
from services.chassis.clock import SystemClock
from services.chassis.messaging import parked as parked_facts
from services.chassis.messaging.broker import Broker, BrokerUnavailable
from services.chassis.messaging.catch_up import CatchUp
from services.chassis.refusals import Refused
from services.chassis.settings import read_settings
from services.chassis.storage.engine import Storage
from services.command_line.running import CannotRun, storage_of
from services.contracts.registry import SERVICES, publisher_of, readers_of

SERVICE = click.Choice(SERVICES)


def check(only: str | None) -> int:
    """Print every broken invariant; 1 if there is one."""
    broken = 0
    for service in [only] if only else SERVICES:
        storage = storage_of(service)
        with storage.reading() as connection:
            findings = consistency.check(connection, service)
            findings += import_module(f"services.{service}.checks").check(connection)
        storage.close()
        for finding in findings:
            click.echo(f"{service}: {finding}")
        broken += len(findings)
    click.echo("check: ok" if not broken else f"check: {broken} broken")
    return 1 if broken else 0


def replay(source: str, reader: str, since: int) -> None:
    """Send again from the log. Raises CannotRun."""
    if reader not in readers_of(source):
        raise CannotRun(f"{reader} does not read {source}")
    service = publisher_of(source)
    settings = read_settings(service)
    if settings.amqp_uri.startswith("memory"):
        raise CannotRun("the embedded product catches up by itself; replay needs AMQP_URI")
    storage = Storage(settings.database_url, SystemClock(), pool_size=2)
    catch_up = CatchUp(service, storage, Broker(settings.amqp_uri))
    try:
        total = catch_up.resend_all(source, reader, since)
    except BrokerUnavailable as error:
        raise CannotRun(f"the broker does not answer: {error}") from error
    click.echo(f"samklang: {total} facts of {source} sent to {reader}")


@click.group()
def parked() -> None:
    """Facts that could not be handled."""


@parked.command("list")
@click.option("--service", type=SERVICE, default=None)
def list_parked(service: str | None) -> None:
    """List parked facts, without their contents."""
    for name in [service] if service else SERVICES:
        for row in parked_facts.listed(storage_of(name)):
            click.echo(f"{name} {row.message_id} {row.type} {row.subject} {row.attempts} {row.last_error}")


@parked.command()
@click.argument("service", type=SERVICE)
@click.argument("message_id")
def show(service: str, message_id: str) -> None:
    """Show one parked fact, whole."""
    try:
        row = parked_facts.shown(storage_of(service), message_id)
    except Refused as error:
        raise CannotRun(error.refusal.reason) from error
    click.echo(f"{row.type} from {row.source}, parked {row.parked_at}: {row.last_error}\n{row.body}")


def _act(service: str, message_id: str, reason: str, action: str) -> None:
    act = parked_facts.replay if action == "replay" else parked_facts.discard
    try:
        act(storage_of(service), message_id, f"command line: {getpass.getuser()}", reason)
    except Refused as error:
        raise CannotRun(error.refusal.reason) from error


@parked.command("replay")
@click.argument("service", type=SERVICE)
@click.argument("message_id")
@click.option("--reason", required=True)
def replay_parked(service: str, message_id: str, reason: str) -> None:
    """Have a parked fact handled again."""
    _act(service, message_id, reason, "replay")
    click.echo("samklang: the fact will be handled again")


@parked.command()
@click.argument("service", type=SERVICE)
@click.argument("message_id")
@click.option("--reason", required=True)
def discard(service: str, message_id: str, reason: str) -> None:
    """Set a parked fact aside for good."""
    _act(service, message_id, reason, "discard")
    click.echo("samklang: the fact is set aside")
