"""The broker stalls, dies with a backlog and loses its disk; families notice nothing, and nothing is lost."""

from __future__ import annotations

import time

import pytest

from services.chassis.messaging.broker import Broker
from services.contracts.registry import SERVICES, positions_queue_of, queue_of
from tests.faults import truth
from tests.faults.world import World, until
from tests.servers.nodes import QUEUE_SETTLES_SECONDS

# A page and a command take milliseconds; the machine may be busy, but nobody waits for a broker.
QUICK_SECONDS = 4
RECOVERY_SECONDS = 60


def act_for(world: World, seconds: float) -> None:
    """Families apply and look at courses; each is answered, and quickly."""
    answered = len(world.people.answered)
    world.people.seconds.clear()
    pages = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        world.stir()
        pages.append(world.page_seconds())
    assert len(world.people.answered) > answered
    assert max(world.people.seconds) < QUICK_SECONDS
    assert max(pages) < QUICK_SECONDS


def stall(world: World, seconds: float) -> None:
    world.rabbit.suspend()
    act_for(world, seconds)
    assert truth.lag(world.storages) > 0
    backlog = world.enrolment.readiness()
    assert backlog["outbox_backlog"] > 0
    assert backlog["status"].startswith("ready")
    world.rabbit.resume()
    world.settle(RECOVERY_SECONDS)
    assert world.lost() == []


def test_a_broker_that_stalls_for_five_seconds(world: World) -> None:
    stall(world, 5)


@pytest.mark.long
@pytest.mark.parametrize("seconds", [30, 90])
def test_a_broker_that_stalls_for_long(world: World, seconds: int) -> None:
    """Longer than every timeout and than the heartbeat: connections are given up and made anew."""
    stall(world, seconds)


def kill_with_a_backlog(world: World, facts: int) -> float:
    """Seconds from the broker's return to no lag at all."""
    reader = world.services["notifications"]
    reader.kill()  # so that facts wait at the broker, too, and not only with their publisher
    world.people.record_backlog(facts // 2)
    until(lambda: world.enrolment.readiness()["outbox_backlog"] == 0, RECOVERY_SECONDS)
    world.rabbit.kill()
    world.people.record_backlog(facts - facts // 2)
    act_for(world, 2)
    reader.start()
    reader.wait_live()
    world.rabbit.start()
    return world.settle(RECOVERY_SECONDS)


def test_a_broker_killed_with_a_backlog(world: World) -> None:
    time.sleep(QUEUE_SETTLES_SECONDS)
    kill_with_a_backlog(world, 1000)
    assert world.lost() == []


@pytest.mark.long
@pytest.mark.parametrize("again", [1, 2, 3])
def test_a_broker_killed_with_ten_thousand_facts(world: World, again: int) -> None:
    time.sleep(QUEUE_SETTLES_SECONDS)
    seconds = kill_with_a_backlog(world, 10_000)
    print(f"no lag {seconds:.1f} s after the broker was back with 10 000 facts waiting")  # noqa: T201
    assert world.lost() == []


def wipe_with_a_backlog(world: World, facts: int) -> None:
    """The facts were confirmed by the broker, and are in no queue and no inbox any more."""
    reader = world.services["notifications"]
    reader.kill()
    world.people.record_backlog(facts)
    until(lambda: world.enrolment.readiness()["outbox_backlog"] == 0, RECOVERY_SECONDS)
    world.rabbit.kill()
    world.rabbit.wipe()
    act_for(world, 1)
    world.rabbit.start()
    reader.start()
    world.settle(RECOVERY_SECONDS)


def test_a_broker_that_lost_its_disk(world: World) -> None:
    wipe_with_a_backlog(world, 500)
    assert world.lost() == []
    expected = {name for service in SERVICES for name in (queue_of(service), positions_queue_of(service))}
    with Broker(world.rabbit.amqp_uri).connection() as connection:
        for name in expected:
            connection.channel().queue_declare(name, passive=True)  # raises where it is not there again


@pytest.mark.long
def test_a_broker_that_lost_its_disk_with_ten_thousand_facts(world: World) -> None:
    wipe_with_a_backlog(world, 10_000)
    assert world.lost() == []
