"""A crash built in: `python -m tests.faults.crashing serve enrolment --at relay.after_confirm --nth 2`.

The product has no hooks for this. A point names a place in its code (see POINTS); passing there the n-th
time, the process ends itself with SIGKILL, as if the machine had gone: nothing is flushed, closed or said.
A place that is no longer there fails the start, so that no point is ever passed over unseen.
"""

import eventlet

eventlet.monkey_patch()

import functools
import os
import signal
import socket
from collections.abc import Callable
from contextvars import ContextVar
from importlib import import_module
from typing import Any

import click
import sqlalchemy as sa

Hit = Callable[..., None]
Arm = Callable[[Hit], None]

MESSAGING = "services.chassis.messaging"


def killer(point: str, nth: int) -> Hit:
    """What is called at the point; the n-th call does not return."""
    passed = 0

    def hit(*_about: Any) -> None:
        nonlocal passed
        passed += 1
        if passed == nth:
            os.write(2, f"killed at {point}, time {nth}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    return hit


def cutter(point: str, nth: int) -> Hit:
    """What is called at a commit: the n-th time, its connection to the database is gone."""
    passed = 0

    def hit(connection: sa.Connection) -> None:
        nonlocal passed
        passed += 1
        if passed == nth:
            os.write(2, f"cut at {point}, time {nth}\n".encode())
            with socket.socket(fileno=os.dup(connection.connection.dbapi_connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)

    return hit


def _place(path: str) -> tuple[Any, str, Any]:
    """`module:name` or `module:Class.name` -> the owner, the last name and what is there."""
    module, _, inside = path.partition(":")
    owner: Any = import_module(module)
    *classes, name = inside.split(".")
    for each in classes:
        owner = getattr(owner, each)
    return owner, name, getattr(owner, name)


Filter = Callable[..., bool]


def _always(*_args: Any, **_kwargs: Any) -> bool:
    return True


def before(path: str, when: Filter = _always) -> Arm:
    """Just before the function is entered; `when` is asked with its arguments."""

    def arm(hit: Hit) -> None:
        owner, name, original = _place(path)

        @functools.wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if when(*args, **kwargs):
                hit()
            return original(*args, **kwargs)

        setattr(owner, name, wrapper)

    return arm


def after(path: str, when: Filter = _always) -> Arm:
    """Just after the function has returned, before its caller knows."""

    def arm(hit: Hit) -> None:
        owner, name, original = _place(path)

        @functools.wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if when(*args, **kwargs):
                hit()
            return result

        setattr(owner, name, wrapper)

    return arm


def within(path: str, arm: Arm, when: Filter = _always) -> Arm:
    """Only what of `arm` happens inside the function, in the same green thread."""

    def arm_within(hit: Hit) -> None:
        owner, name, original = _place(path)
        inside: ContextVar[bool] = ContextVar("inside", default=False)

        @functools.wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            token = inside.set(when(*args, **kwargs))
            try:
                return original(*args, **kwargs)
            finally:
                inside.reset(token)

        def hit_inside(*about: Any) -> None:
            if inside.get():
                hit(*about)

        setattr(owner, name, wrapper)
        arm(hit_inside)

    return arm_within


def _at_commit(hit: Hit) -> None:
    """When all statements have run and COMMIT is about to be sent."""
    sa.event.listen(sa.Engine, "commit", hit)


def commit_in(path: str) -> Arm:
    return within(path, _at_commit)


def _has_facts(unit: Any) -> bool:
    return bool(unit.recorded_facts)


def _is_outbox(_bells: Any, name: str) -> bool:
    return name == "outbox"


def _to_all(_publisher: Any, letters: Any) -> bool:
    """A relay's publishing, as opposed to a position or a catch-up."""
    return bool(letters) and letters[0].exchange.endswith(".facts")


def _to_one(_publisher: Any, letters: Any) -> bool:
    return bool(letters) and letters[0].exchange == ""


def _a_fact(*_args: Any, exchange: str = "", **_kwargs: Any) -> bool:
    return exchange.endswith(".facts")


# In the order in which a fact passes them, from a family's click to the reader's next fact. A name never
# changes its meaning: reports of earlier runs refer to it.
POINTS: dict[str, Arm] = {
    "command.before_commit": after("services.chassis.storage.unit:Unit.write_outbox", _has_facts),
    "command.after_commit": before(f"{MESSAGING}.entrypoints:Bells.ring", _is_outbox),
    "decider.before_commit": commit_in("services.enrolment.decider:Decider._decide"),
    "decider.before_answer": after("services.enrolment.decider:Decider._decide"),
    "relay.before_publish": before(f"{MESSAGING}.broker:Publisher._publish", _to_all),
    "relay.between_publishes": after("amqp.channel:Channel.basic_publish", _a_fact),
    "relay.at_first_confirm": within(
        f"{MESSAGING}.broker:Publisher._publish", before(f"{MESSAGING}.broker:Publisher._on_ack"), _to_all
    ),
    "relay.after_confirm": after(f"{MESSAGING}.broker:Publisher._publish", _to_all),
    "relay.before_mark_commit": commit_in(f"{MESSAGING}.relay:Relay._mark_sent"),
    "relay.after_mark": after(f"{MESSAGING}.relay:Relay._mark_sent"),
    "listen.before_store": before("services.chassis.storage.inbox:store"),
    "inbox.before_commit": commit_in("services.chassis.storage.inbox:store"),
    "inbox.after_commit": after("services.chassis.storage.inbox:store"),
    "listen.before_ack": before(f"{MESSAGING}.entrypoints:_acknowledge"),
    "listen.after_ack": after(f"{MESSAGING}.entrypoints:_acknowledge"),
    "worker.before_reaction": before(f"{MESSAGING}.worker:Worker._react"),
    "worker.after_reaction": after(f"{MESSAGING}.worker:Worker._react"),
    "worker.after_mark": after("services.chassis.storage.inbox:mark_handled"),
    "worker.before_commit": commit_in(f"{MESSAGING}.worker:Worker._handle"),
    "worker.after_commit": after(f"{MESSAGING}.worker:Worker._handle"),
    "catch_up.after_announcement": after(f"{MESSAGING}.catch_up:CatchUp.announce"),
    "catch_up.before_position_commit": commit_in(f"{MESSAGING}.catch_up:CatchUp.hear"),
    "catch_up.before_resend": before(f"{MESSAGING}.broker:Publisher._publish", _to_one),
    "catch_up.after_resend": after(f"{MESSAGING}.broker:Publisher._publish", _to_one),
}
# Passed only while a reader is being caught up.
CATCHING_UP = ("catch_up.before_resend", "catch_up.after_resend")
# Where all that remains is COMMIT, and the connection can be cut instead.
AT_COMMIT = (
    "decider.before_commit",
    "relay.before_mark_commit",
    "inbox.before_commit",
    "worker.before_commit",
    "catch_up.before_position_commit",
)


def arm(point: str | None, cut: str | None, nth: int, attempts: int | None) -> None:
    if point is not None:
        POINTS[point](killer(point, nth))
    if cut is not None:
        POINTS[cut](cutter(cut, nth))
    if attempts is not None:
        owner, name, _ = _place(f"{MESSAGING}.worker:MOST_ATTEMPTS")
        setattr(owner, name, attempts)


@click.command()
@click.argument("arguments", nargs=-1, required=True)
@click.option("--at", "point", type=click.Choice(list(POINTS)), help="Where to die.")
@click.option("--cut", type=click.Choice(AT_COMMIT), help="Where to lose the database instead of committing.")
@click.option("--nth", type=click.IntRange(1), default=1, show_default=True)
@click.option("--attempts", type=click.IntRange(1), help="A poison's attempts before it is parked.")
def main(
    arguments: tuple[str, ...], point: str | None, cut: str | None, nth: int, attempts: int | None
) -> None:
    """Run `samklang ARGUMENTS` until the NTH time that a point is passed."""
    arm(point, cut, nth, attempts)
    import_module("services.__main__").main(list(arguments))


if __name__ == "__main__":
    main()
