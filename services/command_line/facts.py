"""Looking after facts: invariants, replay from the log, and what is parked."""

from __future__ import annotations

import getpass

import click

from services.chassis import consistency
from services.chassis.clock import SystemClock
from services.chassis.messaging import parked as parked_facts
from services.chassis.messaging.broker import Broker, BrokerUnavailable
from services.chassis.messaging.catch_up import BehindTheLog, CatchUp
from services.chassis.refusals import Refused
from services.chassis.settings import read_settings
from services.chassis.storage.engine import Storage
from services.command_line.delivery import undelivered
from services.command_line.running import CannotRun, chosen, storage_of
from services.contracts.registry import SERVICES, SUBSCRIPTIONS, publisher_of, readers_of

SERVICE = click.Choice(SERVICES)


def check(only: str | None) -> int:
    """Print every broken invariant; 1 if there is one. Of one service alone only what its database says."""
    storages = {service: storage_of(service) for service in chosen(only)}
    findings = [
        f"{service}: {finding}"
        for service, storage in storages.items()
        for finding in consistency.check_all(storage, service)
    ]
    if only is None:
        findings += undelivered(storages)
    for storage in storages.values():
        storage.close()
    for finding in findings:
        click.echo(finding)
    click.echo("check: ok" if not findings else f"check: {len(findings)} broken")
    return 1 if findings else 0


def replay(source: str, reader: str, since: int) -> None:
    """Send again from the log; with `since` 0 all that the log has. Raises CannotRun."""
    if reader not in readers_of(source):
        raise CannotRun(f"{reader} does not read {source}: it reads {', '.join(SUBSCRIPTIONS[reader])}")
    service = publisher_of(source)
    settings = read_settings(service)
    if settings.amqp_uri.startswith("memory"):
        raise CannotRun("the embedded product catches up by itself; replay needs AMQP_URI")
    storage = Storage(settings.database_url, SystemClock(), pool_size=2)
    catch_up = CatchUp(service, storage, Broker(settings.amqp_uri))
    try:
        total = catch_up.resend_all(source, reader, since or None)
    except BrokerUnavailable as error:
        raise CannotRun(f"the broker does not answer: {error}") from error
    except BehindTheLog as error:
        raise CannotRun(f"{error}: a reader that lacks earlier facts needs a younger backup") from error
    finally:
        catch_up.close()
        storage.close()
    click.echo(f"samklang: {total} facts of {source} sent to {reader}")


@click.group()
def parked() -> None:
    """Facts that could not be handled."""


@parked.command("list")
@click.option("--service", type=SERVICE, default=None)
def list_parked(service: str | None) -> None:
    """List parked facts, without their contents."""
    for name in chosen(service):
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


@parked.command("log")
@click.option("--service", type=SERVICE, default=None)
def log_of_parked(service: str | None) -> None:
    """List what was done about parked facts: when, by whom and why."""
    for name in chosen(service):
        for row in parked_facts.actions(storage_of(name)):
            click.echo(
                f"{name} {row.at:%Y-%m-%d %H:%M:%S}Z {row.action} {row.message_id} {row.by}: {row.reason}"
            )


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
