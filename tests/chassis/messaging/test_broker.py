"""The broker takes what is said, says what it has safe, and one that says nothing holds nobody up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import eventlet
import kombu
import pytest
from amqp.exceptions import PreconditionFailed

from services.chassis.messaging import broker as module
from services.chassis.messaging.broker import (
    INBOX_ARGUMENTS,
    POSITIONS_ARGUMENTS,
    Broker,
    BrokerUnavailable,
    Letter,
    Publisher,
    TopologyDiffers,
    inbox_queue,
    must_route,
    positions_queue,
)
from services.contracts.registry import SERVICES, STREAMS, exchange_of, queue_of, readers_of
from tests.chassis.conftest import QUEUES, taken
from tests.chassis.messaging.line import line_to


def letters(count: int, exchange: str = "catalogue.facts") -> list[Letter]:
    return [Letter(exchange, "course_cancelled", f'{{"n":{n}}}', f"m{n}") for n in range(count)]


def bodies(count: int) -> list[bytes]:
    return [f'{{"n":{n}}}'.encode() for n in range(count)]


@pytest.fixture
def publisher(broker: Broker) -> Iterator[Publisher]:
    yield from _closing(broker.publisher())


@pytest.fixture
def on_rabbit(rabbit: Broker) -> Iterator[Publisher]:
    yield from _closing(rabbit.publisher())


def _closing(publisher: Publisher) -> Iterator[Publisher]:
    yield publisher
    publisher.close()


def arguments_of(queue: str) -> dict[str, Any]:
    return INBOX_ARGUMENTS if queue.endswith(".inbox") else POSITIONS_ARGUMENTS


class TestTopology:
    def test_declaring_again_changes_nothing(self, broker: Broker, publisher: Publisher) -> None:
        publisher.publish(letters(3))
        broker.declare_topology()
        assert taken(broker, "enrolment.inbox") == bodies(3)
        assert not broker.topology_differs

    @pytest.mark.parametrize("stream", [stream for streams in STREAMS.values() for stream in streams])
    def test_every_reader_of_a_stream_gets_its_facts_and_nobody_else(
        self, broker: Broker, publisher: Publisher, stream: str
    ) -> None:
        publisher.publish([Letter(exchange_of(stream), "any_fact", "{}", "m1")])
        got = {service for service in SERVICES if taken(broker, queue_of(service))}
        assert got == set(readers_of(stream))

    def test_a_position_reaches_the_streams_publisher(self, broker: Broker, publisher: Publisher) -> None:
        publisher.publish([Letter("positions", "enrolment.contacts", "{}", "p1", must_route=False)])
        assert taken(broker, "enrolment.positions") == [b"{}"]
        assert taken(broker, "catalogue.positions") == []

    @pytest.mark.parametrize("queue", QUEUES)
    def test_rabbitmq_compares_each_of_our_arguments(self, rabbit: Broker, queue: str) -> None:
        """It takes unknown arguments without a word. One that it knows and compares is refused when it is
        declared with another value: then a declaration that succeeds proves what the queue is like."""
        ours = arguments_of(queue)
        others = {
            "x-queue-type": "classic",
            "x-max-length": ours["x-max-length"] + 1,
            "x-overflow": "drop-head",
        }
        for name in ours:
            with rabbit.connection() as connection, pytest.raises(PreconditionFailed, match=name):
                other = kombu.Queue(queue, durable=True, queue_arguments={**ours, name: others[name]})
                other(connection.channel()).queue_declare()

    def test_a_queue_that_is_not_durable_is_another_one(self, rabbit: Broker) -> None:
        with rabbit.connection() as connection, pytest.raises(PreconditionFailed):
            other = kombu.Queue(
                queue_of("billing"), durable=False, queue_arguments={"x-queue-type": "classic"}
            )
            other(connection.channel()).queue_declare()

    def test_a_queue_with_other_arguments_is_an_error_that_names_it(self, rabbit: Broker) -> None:
        other = {**INBOX_ARGUMENTS, "x-max-length": 5}
        _redeclare(rabbit, "billing.inbox", other)
        with pytest.raises(TopologyDiffers, match=r"x-max-length.*billing\.inbox"):
            rabbit.declare_topology()
        assert rabbit.topology_differs
        _redeclare(rabbit, "billing.inbox", INBOX_ARGUMENTS)
        rabbit.declare_topology()
        assert not rabbit.topology_differs

    def test_a_full_queue_refuses_and_forgets_nothing(
        self, rabbit: Broker, on_rabbit: Publisher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What the arguments promise, seen with a small number: the publisher keeps what is refused."""
        small = {**INBOX_ARGUMENTS, "x-max-length": 5}
        _redeclare(rabbit, "catalogue.inbox", small)
        to_queue = [Letter("", "catalogue.inbox", f'{{"n":{n}}}', f"m{n}") for n in range(40)]
        confirmed = sum(on_rabbit.publish([letter]) for letter in to_queue)
        assert 5 <= confirmed < 40
        kept = taken(rabbit, "catalogue.inbox")
        assert kept == bodies(confirmed)
        _redeclare(rabbit, "catalogue.inbox", INBOX_ARGUMENTS)

    def test_streams_that_are_read_must_be_routed(self) -> None:
        assert must_route("catalogue")
        assert not must_route("a stream of nobody")

    def test_queues_are_durable_and_bounded(self) -> None:
        for service in SERVICES:
            for queue in (inbox_queue(service), positions_queue(service)):
                assert queue.durable
                assert queue.queue_arguments["x-queue-type"] == "quorum"
                assert queue.queue_arguments["x-max-length"] > 0


def _redeclare(broker: Broker, name: str, arguments: dict[str, Any]) -> None:
    with broker.connection() as connection:
        channel = connection.channel()
        channel.queue_delete(name)
        kombu.Queue(name, durable=True, queue_arguments=arguments)(channel).queue_declare()
        if name.endswith(".inbox"):
            for stream in [s for streams in STREAMS.values() for s in streams]:
                if name.removesuffix(".inbox") in readers_of(stream):
                    channel.queue_bind(name, exchange_of(stream), "#")


class TestPublishing:
    def test_in_order_and_all_confirmed(self, broker: Broker, publisher: Publisher) -> None:
        assert publisher.publish(letters(500)) == 500
        assert publisher.publish(letters(3)) == 3
        assert taken(broker, "enrolment.inbox") == bodies(500) + bodies(3)

    def test_nothing_is_nothing(self, publisher: Publisher) -> None:
        assert publisher.publish([]) == 0

    def test_a_message_outlives_the_broker_and_says_what_it_is(
        self, rabbit: Broker, on_rabbit: Publisher
    ) -> None:
        on_rabbit.publish(letters(1))
        with rabbit.connection() as connection:
            message = connection.channel().basic_get("enrolment.inbox", no_ack=True)
        assert message.properties["delivery_mode"] == 2
        assert message.properties["message_id"] == "m0"
        assert message.properties["content_type"] == "application/cloudevents+json"

    def test_what_no_queue_took_is_named(self, on_rabbit: Publisher) -> None:
        unroutable = Letter("", "no.such.queue", "{}", "lost")
        assert on_rabbit.publish([*letters(2), unroutable]) == 3
        assert on_rabbit.returned == ["lost"]
        on_rabbit.publish(letters(1))
        assert on_rabbit.returned == []

    def test_where_nobody_need_listen_nothing_is_named(self, on_rabbit: Publisher) -> None:
        on_rabbit.publish([Letter("", "no.such.queue", "{}", "p", must_route=False)])
        assert on_rabbit.returned == []

    def test_an_exchange_that_is_not_there_is_an_error_and_the_next_time_is_a_new_one(
        self, on_rabbit: Publisher
    ) -> None:
        with pytest.raises(BrokerUnavailable, match="no exchange"):
            on_rabbit.publish(letters(1, "nowhere.facts"))
        assert on_rabbit.publish(letters(1)) == 1


class TestSilence:
    """A broker that is away, stopped, or answers into the void."""

    @pytest.fixture(autouse=True)
    def _impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Broker.speaking.__wrapped__, "__defaults__", (1.5,))  # type: ignore[attr-defined]

    def test_one_that_is_away_is_noticed_at_once_and_its_return_too(self, rabbit: Broker) -> None:
        with line_to(rabbit) as line:
            broker = Broker(line.uri)
            publisher = broker.publisher()
            assert publisher.publish(letters(1)) == 1
            assert broker.away_seconds == 0
            line.close()
            with pytest.raises(BrokerUnavailable):
                publisher.publish(letters(1))
            eventlet.sleep(0.05)
            assert 0.05 <= broker.away_seconds < 10
            since = broker.away_seconds
            with pytest.raises(BrokerUnavailable):
                publisher.publish(letters(1))
            assert broker.away_seconds > since
        broker.uri = rabbit.uri
        assert publisher.publish(letters(1)) == 1
        assert broker.away_seconds == 0
        publisher.close()

    @pytest.mark.parametrize("when", ["before connecting", "after connecting"])
    def test_one_that_is_stopped_holds_nobody_up(self, rabbit: Broker, when: str) -> None:
        with line_to(rabbit) as line:
            publisher = Broker(line.uri).publisher()
            if when == "after connecting":
                publisher.publish(letters(1))
            line.hold()
            began = time.monotonic()
            with pytest.raises(BrokerUnavailable):
                publisher.publish(letters(1000))
            publisher.close()
            assert time.monotonic() - began < 4
            line.go_on()
            assert publisher.publish(letters(2)) == 2
            publisher.close()

    def test_other_green_threads_go_on_meanwhile(self, rabbit: Broker) -> None:
        with line_to(rabbit) as line:
            publisher = Broker(line.uri).publisher()
            line.hold()
            stuck = eventlet.spawn(publisher.publish, letters(1))
            turns = 0
            while not stuck.dead:
                eventlet.sleep(0.01)
                turns += 1
            assert turns > 50
            with pytest.raises(BrokerUnavailable):
                stuck.wait()

    def test_what_was_confirmed_before_the_silence_is_told(self, rabbit: Broker) -> None:
        with line_to(rabbit) as line:
            publisher = Broker(line.uri).publisher()
            publisher.publish(letters(1))
            # The second half is more than fits into the buffers of a line that is held meanwhile.
            long = [Letter("catalogue.facts", "k", "x" * 100_000, f"long{n}") for n in range(200)]
            eventlet.spawn_after(0.05, line.hold)
            with pytest.raises(BrokerUnavailable) as caught:
                publisher.publish([*letters(20), *long])
            assert 0 <= caught.value.confirmed < 220
            stored = len(taken(rabbit, "enrolment.inbox"))
            assert stored >= caught.value.confirmed

    def test_after_a_lost_answer_nothing_counts_as_confirmed_although_it_may_be_stored(
        self, rabbit: Broker
    ) -> None:
        with line_to(rabbit) as line:
            publisher = Broker(line.uri).publisher()
            publisher.publish(letters(1))
            line.mute()
            with pytest.raises(BrokerUnavailable) as caught:
                publisher.publish(letters(5))
            assert caught.value.confirmed == 0
        assert taken(rabbit, "enrolment.inbox") == bodies(1) + bodies(5)

    def test_a_service_that_stops_does_not_wait_for_it(
        self, rabbit: Broker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Broker.speaking.__wrapped__, "__defaults__", (10,))  # type: ignore[attr-defined]
        with line_to(rabbit) as line:
            broker = Broker(line.uri)
            publisher = broker.publisher()
            publisher.publish(letters(1))
            line.hold()
            stuck = eventlet.spawn(publisher.publish, letters(5))
            eventlet.sleep(0.8)
            assert not stuck.dead
            broker.hurry()
            began = time.monotonic()
            with pytest.raises(BrokerUnavailable, match="no answer"):
                stuck.wait()
            assert time.monotonic() - began < 3
            line.go_on()
            assert publisher.publish(letters(5)) == 5  # one that answers is still heard
            publisher.close()


class TestBeat:
    def test_it_keeps_a_live_connection(self, publisher: Publisher, broker: Broker) -> None:
        assert publisher.beat()  # none is open: nothing to keep
        publisher.publish(letters(1))
        for _ in range(3):
            assert publisher.beat()
        assert publisher.publish(letters(1)) == 1

    def test_it_speaks_when_it_has_been_silent(self, rabbit: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
        """RabbitMQ closes a connection on which it has heard nothing for some heartbeats."""
        monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 1)
        publisher = rabbit.publisher()
        publisher.publish(letters(1))
        before = publisher._connection.connection.bytes_sent  # type: ignore[union-attr]  # what went over the wire
        for _ in range(35):
            assert publisher.beat()
            eventlet.sleep(0.1)
        assert publisher._connection.connection.bytes_sent > before  # type: ignore[union-attr]  # the same
        with rabbit.connection():  # the broker has had time to lose patience
            assert publisher.publish(letters(1)) == 1
        publisher.close()

    def test_it_notices_a_dead_connection_before_a_fact_does(self, rabbit: Broker) -> None:
        with line_to(rabbit) as line:
            publisher = Broker(line.uri).publisher()
            publisher.publish(letters(1))
            line.cut()
            eventlet.sleep(0.05)
            assert not publisher.beat()
            assert publisher.publish(letters(1)) == 1
            assert line.connections == 2
            publisher.close()
