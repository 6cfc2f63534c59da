"""One running product for all faults: what a test breaks, it mends before the next one begins."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.world import World, started


@pytest.fixture(scope="session")
def running_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with started(tmp_path_factory.mktemp("faults")) as world:
        yield world


@pytest.fixture
def world(running_world: World) -> World:
    """Mended whatever the last test did, so that one failure does not fail all that follow."""
    mend(running_world)
    return running_world


def mend(world: World) -> None:
    for node in (world.postgres, world.rabbit):
        node.resume() if node.is_running else node.start()
    world.proxy.turn("pass")
    for running in world.services.values():
        if not running.is_running:
            running.start()
            running.wait_live()
