"""nameko entrypoints: acknowledged only after the method returned, finished before the container stops."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import eventlet
import pytest
from eventlet.event import Event
from nameko.containers import ServiceContainer

from services.chassis.messaging import entrypoints
from services.chassis.messaging.broker import Broker, Letter
from services.chassis.messaging.entrypoints import Bells, Parts, listen, loop
from tests.chassis.conftest import taken
from tests.chassis.messaging.line import line_to

INBOX = "billing.inbox"
Start = Callable[..., ServiceContainer]


class Listening:
    name = "billing"
    parts = Parts()

    @listen("inbox")
    def receive(self, bodies: list[bytes]) -> None:
        self.parts.receive(bodies)


class Looping:
    name = "billing"
    parts = Parts()

    @loop(wake_on="outbox")
    def turn(self) -> float:
        return float(self.parts.turn())


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrypoints, "RECONNECT_SECONDS", 0.05)


@pytest.fixture
def start() -> Iterator[Start]:
    """A container of the service class, with these parts; stopped at the end."""
    started: list[ServiceContainer] = []

    def run(service: type, **parts: Any) -> ServiceContainer:
        container = ServiceContainer(service, {"parts": SimpleNamespace(**parts), "max_workers": 4})
        container.start()
        started.append(container)
        return container

    yield run
    for container in started:
        container.stop()


def send(broker: Broker, *texts: str) -> None:
    publisher = broker.publisher()
    publisher.publish([Letter("", INBOX, text, text) for text in texts])
    publisher.close()


def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    with eventlet.Timeout(seconds, AssertionError("it did not come true")):
        while not holds():
            eventlet.sleep(0.01)


class TestListen:
    def test_what_arrived_together_is_given_together_in_order(self, broker: Broker, start: Start) -> None:
        texts = [f"m{n}" for n in range(300)]
        send(broker, *texts)
        batches: list[list[bytes]] = []
        start(Listening, broker=broker, receive=batches.append)
        until(lambda: sum(map(len, batches)) == 300)
        assert [body.decode() for batch in batches for body in batch] == texts
        assert len(batches) < 100

    def test_what_comes_later_is_given_too_and_all_is_acknowledged(
        self, broker: Broker, start: Start
    ) -> None:
        got: list[bytes] = []
        container = start(Listening, broker=broker, receive=got.extend)
        for number in range(3):
            send(broker, f"m{number}")
            until(lambda expected=number + 1: len(got) == expected)  # type: ignore[misc]  # a default binds it
        container.stop()
        assert taken(broker, INBOX) == []

    def test_where_many_come_it_waits_a_moment_for_the_next_and_where_few_it_does_not(
        self, rabbit: Broker, start: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(entrypoints, "GATHER_SECONDS", 3.0)
        batches: list[list[bytes]] = []
        start(Listening, broker=rabbit, receive=batches.append)
        send(rabbit, "few")
        until(lambda: len(batches) == 1, seconds=2)
        send(rabbit, *(f"m{n}" for n in range(entrypoints.MANY)))
        eventlet.sleep(0.3)
        send(rabbit, "next")
        until(lambda: len(batches) == 2)
        assert [len(each) for each in batches] == [1, entrypoints.MANY + 1]

    def test_what_the_method_did_not_finish_comes_again(self, rabbit: Broker, start: Start) -> None:
        """nameko's own handlers would have acknowledged it."""
        send(rabbit, "a", "b")
        got: list[bytes] = []
        tries = 0

        def receive(bodies: list[bytes]) -> None:
            nonlocal tries
            tries += 1
            if tries < 3:
                raise OSError("the database is away")
            got.extend(bodies)

        start(Listening, broker=rabbit, receive=receive)
        until(lambda: len(got) == 2)
        assert sorted(got) == [b"a", b"b"]
        assert tries >= 3

    def test_stopping_finishes_and_acknowledges_what_is_in_hand(self, broker: Broker, start: Start) -> None:
        send(broker, "a", "b")
        begun, go_on = Event(), Event()
        finished: list[bytes] = []

        def receive(bodies: list[bytes]) -> None:
            begun.send()
            go_on.wait()
            finished.extend(bodies)

        container = start(Listening, broker=broker, receive=receive)
        begun.wait()
        stopping = eventlet.spawn(container.stop)
        eventlet.sleep(0.1)
        assert not stopping.dead
        send(broker, "too late")
        go_on.send()
        stopping.wait()
        assert finished == [b"a", b"b"]
        assert taken(broker, INBOX) == [b"too late"]

    def test_it_comes_back_after_the_connection_broke(self, rabbit: Broker, start: Start) -> None:
        got: list[bytes] = []
        with line_to(rabbit) as line:
            container = start(Listening, broker=Broker(line.uri), receive=got.extend)
            send(rabbit, "a")
            until(lambda: got == [b"a"])
            line.cut()
            send(rabbit, "b")
            until(lambda: got == [b"a", b"b"])
            container.stop()

    def test_it_declares_its_queue_anew_when_somebody_deleted_it(self, rabbit: Broker, start: Start) -> None:
        got: list[bytes] = []
        start(Listening, broker=rabbit, receive=got.extend)
        send(rabbit, "a")
        until(lambda: got == [b"a"])
        with rabbit.connection() as connection:
            connection.channel().queue_delete(INBOX)
        publisher = rabbit.publisher()
        with eventlet.Timeout(10):
            while publisher.publish([Letter("", INBOX, "b", "b")]) and publisher.returned:
                eventlet.sleep(0.05)
        until(lambda: got == [b"a", b"b"])
        publisher.close()

    def test_a_stalled_broker_does_not_keep_it_from_stopping(self, rabbit: Broker, start: Start) -> None:
        with line_to(rabbit) as line:
            got: list[bytes] = []
            container = start(Listening, broker=Broker(line.uri), receive=got.extend)
            send(rabbit, "a")
            until(lambda: got == [b"a"])
            line.hold()
            began = time.monotonic()
            container.stop()
            assert time.monotonic() - began < 4


class TestLoop:
    def test_without_rest_it_goes_on_and_others_too(self, start: Start) -> None:
        turns = 0

        def turn() -> float:
            nonlocal turns
            turns += 1
            return 0.0

        start(Looping, bells=Bells(), turn=turn)
        eventlet.sleep(0.1)
        assert turns > 10

    def test_it_rests_as_long_as_it_is_told_unless_a_bell_rings(self, start: Start) -> None:
        bells, times = Bells(), []

        def turn() -> float:
            times.append(time.monotonic())
            return 60.0

        start(Looping, bells=bells, turn=turn)
        until(lambda: len(times) == 1)
        eventlet.sleep(0.1)
        assert len(times) == 1
        bells.ring("inbox")
        eventlet.sleep(0.1)
        assert len(times) == 1
        bells.ring("outbox")
        until(lambda: len(times) == 2, seconds=2)

    def test_a_bell_during_a_turn_is_not_missed(self, start: Start) -> None:
        bells, turns = Bells(), 0

        def turn() -> float:
            nonlocal turns
            turns += 1
            if turns == 1:
                bells.ring("outbox")  # what came after this turn looked
            return 60.0

        start(Looping, bells=bells, turn=turn)
        until(lambda: turns == 2, seconds=2)

    def test_an_error_does_not_end_it(self, start: Start) -> None:
        turns = 0

        def turn() -> float:
            nonlocal turns
            turns += 1
            if turns < 3:
                raise OSError("the database is away")
            return 60.0

        start(Looping, bells=Bells(), turn=turn)
        until(lambda: turns == 3)

    def test_stopping_ends_the_rest_and_not_the_turn(self, start: Start) -> None:
        begun, go_on, ended = Event(), Event(), []

        def turn() -> float:
            if begun.ready():
                ended.append("a turn too many")
            else:
                begun.send()
            go_on.wait()
            ended.append("whole")
            return 60.0

        container = start(Looping, bells=Bells(), turn=turn)
        begun.wait()
        stopping = eventlet.spawn(container.stop)
        eventlet.sleep(0.05)
        assert not stopping.dead
        go_on.send()
        with eventlet.Timeout(2):
            stopping.wait()
        assert ended == ["whole"]
