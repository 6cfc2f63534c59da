"""A bad line between enrolment and the broker. Families are answered meanwhile, and nothing is lost."""

from __future__ import annotations

import pytest

from tests.faults import truth
from tests.faults.test_broker import act_for
from tests.faults.world import World

RECOVERY_SECONDS = 60
STILL_WORKS = ["delay 0.3", "trickle 40000"]
CUTS_OFF = ["half-open", "mute", "refuse"]


@pytest.mark.parametrize("line", STILL_WORKS)
def test_over_a_slow_line_facts_still_arrive(world: World, line: str) -> None:
    world.proxy.turn(line)
    act_for(world, 3)
    world.settle(RECOVERY_SECONDS)  # while the line is as slow as before
    assert world.lost() == []


@pytest.mark.parametrize("line", CUTS_OFF)
def test_a_line_that_carries_nothing(world: World, line: str) -> None:
    """Open to look at, or open one way only: `mute` has the broker store what it cannot confirm."""
    world.proxy.turn(line)
    act_for(world, 3)
    assert truth.lag(world.storages) > 0
    world.proxy.turn("reset")
    world.settle(RECOVERY_SECONDS)
    assert world.lost() == []


@pytest.mark.parametrize("times", [3])
def test_a_line_that_is_reset_again_and_again(world: World, times: int) -> None:
    for _ in range(times):
        act_for(world, 1)
        world.proxy.turn("reset")
    world.settle(RECOVERY_SECONDS)
    assert world.lost() == []


@pytest.mark.long
@pytest.mark.parametrize("line", CUTS_OFF)
def test_a_line_dead_for_longer_than_the_heartbeat(world: World, line: str) -> None:
    """Nobody resets it afterwards: both ends must find out by themselves that it is dead."""
    world.proxy.turn(line)
    act_for(world, 45)
    world.proxy.turn("pass")
    world.settle(90)
    assert world.lost() == []


@pytest.mark.long
def test_a_backlog_over_a_line_that_trickles(world: World) -> None:
    world.enrolment.kill()
    world.people.record_backlog(2000)
    world.proxy.turn("trickle 30000")
    world.enrolment.start()
    world.enrolment.wait_live()
    act_for(world, 10)
    world.settle(240)
    assert world.lost() == []
