"""kill -9 at every point of a fact's path, while families apply and schools change their courses."""

from __future__ import annotations

import pytest

from services.chassis.messaging.broker import Broker
from services.contracts.registry import queue_of
from tests.faults.crashing import CATCHING_UP, POINTS
from tests.faults.world import EXIT_KILLED, World, until

ON_THE_PATH = [point for point in POINTS if point not in CATCHING_UP]
# Who dies there leaves the same behind as at the point before: these are for the long run.
AS_BEFORE = (
    "decider.before_commit",
    "relay.before_publish",
    "listen.before_store",
    "listen.before_ack",
    "worker.before_reaction",
    "worker.after_mark",
    "catch_up.after_announcement",
)
CRASH_SECONDS = 60


def crash(world: World, point: str, nth: int) -> None:
    """Start enrolment with the crash built in, and let people act until it has happened."""
    enrolment = world.enrolment
    enrolment.kill()
    enrolment.start("--at", point, "--nth", str(nth))
    until(lambda: enrolment.is_live() or not enrolment.is_running, CRASH_SECONDS)

    def is_dead() -> bool:
        world.stir()
        return not enrolment.is_running

    until(is_dead, CRASH_SECONDS)
    assert enrolment.process is not None
    assert enrolment.process.returncode == EXIT_KILLED, enrolment.log_tail()
    assert enrolment.said(f"killed at {point}, time {nth}"), enrolment.log_tail()


def nothing_is_lost(world: World) -> None:
    world.settle()
    assert world.lost() == []


@pytest.mark.parametrize("point", [point for point in ON_THE_PATH if point not in AS_BEFORE])
def test_killed_there_nothing_is_lost(world: World, point: str) -> None:
    crash(world, point, nth=2)
    world.enrolment.restart()
    nothing_is_lost(world)


@pytest.mark.long
@pytest.mark.parametrize("nth", [1, 3, 5])
@pytest.mark.parametrize("point", ON_THE_PATH)
def test_killed_there_again_and_again(world: World, point: str, nth: int) -> None:
    """Other times than above, and each start finds what the last kill left: it is mended under way."""
    crash(world, point, nth)
    world.enrolment.restart()
    nothing_is_lost(world)


def lose_what_catalogue_was_sent(world: World) -> None:
    """Facts that the broker had confirmed and that are nowhere any more but in enrolment's log."""
    catalogue = world.services["catalogue"]
    catalogue.kill()
    for _ in range(3):
        world.stir()
    with Broker(world.rabbit.amqp_uri).connection() as connection:

        def is_sent() -> bool:
            return bool(connection.channel().queue_declare(queue_of("catalogue"), passive=True).message_count)

        until(is_sent, CRASH_SECONDS)
        assert connection.channel().queue_purge(queue_of("catalogue")) > 0
    catalogue.start()
    catalogue.wait_live()


@pytest.mark.long
@pytest.mark.parametrize("time", [1, 2, 3])
@pytest.mark.parametrize("point", CATCHING_UP)
def test_killed_while_it_catches_a_reader_up(world: World, point: str, time: int) -> None:
    lose_what_catalogue_was_sent(world)
    enrolment = world.enrolment
    enrolment.kill()
    enrolment.start("--at", point)
    until(lambda: not enrolment.is_running, CRASH_SECONDS)
    assert enrolment.said(f"killed at {point}, time 1"), enrolment.log_tail()
    enrolment.restart()
    nothing_is_lost(world)
