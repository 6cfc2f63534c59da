"""`python -m tests.servers`: nodes around a command (`make test`), or until Ctrl-C (`make servers`)."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from types import FrameType

import click

from tests.servers.machine import NodeFailed
from tests.servers.nodes import PostgresNode, RabbitNode, start_together

SERVICES = ("catalogue", "enrolment", "notifications", "billing")
COMMAND_NOT_FOUND = 127  # what a shell answers


def environment_for(postgres: PostgresNode, rabbit: RabbitNode) -> dict[str, str]:
    """What tests read: a database URL with the literal placeholder `{database}`, and the broker's URI."""
    return {"SAMKLANG_TEST_POSTGRES": postgres.url("{database}"), "SAMKLANG_TEST_AMQP": rabbit.amqp_uri}


def run_command(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command and return the exit code a shell would give: 128 + n when signal n ended it.

    While it runs, SIGTERM is passed on and Ctrl-C (which the terminal sends to it as well) is left to it: the
    nodes must outlive the command, or its last words would be about servers that went away.
    """
    try:
        child = subprocess.Popen(command, env=os.environ | environment)
    except OSError as error:
        click.echo(f"{command[0]}: {error.strerror}", err=True)
        return COMMAND_NOT_FOUND

    def pass_on(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN),
        signal.SIGTERM: signal.signal(signal.SIGTERM, pass_on),
        signal.SIGHUP: signal.signal(signal.SIGHUP, pass_on),
    }
    try:
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def _started(*, fsync: bool) -> tuple[PostgresNode, RabbitNode]:
    postgres, rabbit = PostgresNode(fsync=fsync), RabbitNode()
    began = time.monotonic()
    try:
        start_together(rabbit, postgres)  # the slow one first
    except NodeFailed as failure:
        raise click.ClickException(str(failure)) from failure
    click.echo(f"Private RabbitMQ and PostgreSQL are up after {time.monotonic() - began:.1f} s.", err=True)
    return postgres, rabbit


@click.group()
def main() -> None:
    """Private RabbitMQ and PostgreSQL nodes, removed with everything in them at the end."""


@main.command(context_settings={"allow_interspersed_args": False})
@click.option("--fsync/--no-fsync", default=True, help="Whether commits reach the disk (PostgreSQL).")
@click.argument("command", nargs=-1, required=True)
def run(command: tuple[str, ...], *, fsync: bool) -> None:
    """Run COMMAND with SAMKLANG_TEST_POSTGRES and SAMKLANG_TEST_AMQP set; exit with its code."""
    postgres, rabbit = _started(fsync=fsync)
    code = run_command(command, environment_for(postgres, rabbit))
    for node in (rabbit, postgres):
        node.remove()
    sys.exit(code)


@main.command()
def up() -> None:
    """Stay up until Ctrl-C, with an empty database for each service."""
    try:
        postgres, rabbit = _started(fsync=True)
        for service in SERVICES:
            postgres.create_database(service)
        click.echo(f"DATABASE_URL='{postgres.url('{service}')}'\nAMQP_URI='{rabbit.amqp_uri}'")
        click.echo("Ctrl-C ends both and deletes their data.", err=True)
        while postgres.is_running and rabbit.is_running:
            time.sleep(0.5)
        ended = rabbit if postgres.is_running else postgres
        raise click.ClickException(f"The {ended.kind} node ended. Its log ends:\n{ended.log_tail()}")
    except KeyboardInterrupt:
        click.echo("Stopping.", err=True)


if __name__ == "__main__":
    main()
