"""The broker: RabbitMQ, or kombu's in-memory transport in the embedded default."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import eventlet
import kombu
from amqp.exceptions import PreconditionFailed
from eventlet.hubs import get_hub
from kombu.exceptions import OperationalError

from services.contracts.envelope import CONTENT_TYPE
from services.contracts.registry import (
    SERVICES,
    STREAMS,
    SUBSCRIPTIONS,
    exchange_of,
    positions_queue_of,
    queue_of,
    readers_of,
)

CONNECT_SECONDS = 5
PUBLISH_SECONDS = 10
DECLARE_SECONDS = 30  # a dozen quorum queues on a small machine
HEARTBEAT_SECONDS = 20
BEAT_SECONDS = 1
HURRIED_SECONDS = 1.5
MEMORY_POLL_SECONDS = 0.05
POSITIONS_EXCHANGE = "positions"

# Bounded: a full queue refuses new facts, which then wait in the publisher's outbox instead.
INBOX_ARGUMENTS: dict[str, Any] = {
    "x-queue-type": "quorum",
    "x-max-length": 1_000_000,
    "x-overflow": "reject-publish",
}
# A position is said again every few seconds; an old one is worth nothing.
POSITIONS_ARGUMENTS: dict[str, Any] = {"x-queue-type": "quorum", "x-max-length": 1_000}


class BrokerUnavailable(Exception):
    """The broker did not take, confirm or answer in time. What was published may have been stored.

    `confirmed` says how many letters, from the first, it is known to have safe all the same.
    """

    confirmed = 0


class TopologyDiffers(BrokerUnavailable):
    """A queue or exchange is there with other arguments than ours. Waiting does not mend it.

    Let the old queue run empty, delete it, and it is declared anew; what it held comes from the fact logs.
    """


@dataclass(frozen=True, slots=True)
class Letter:
    """One message on its way: to a topic exchange, or straight to a queue (`exchange` empty)."""

    exchange: str
    routing_key: str
    body: str
    message_id: str
    must_route: bool = True


_AMQP = kombu.Connection("amqp://")
_ERRORS: tuple[type[BaseException], ...] = (*_AMQP.connection_errors, *_AMQP.channel_errors)


class Broker:
    """Opens connections to one broker, and knows how it has been; knows no service's insides."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.is_memory = uri.startswith("memory:")
        self.topology_differs = False
        self._hurried = False
        self._speaking: dict[eventlet.Timeout, Any] = {}  # limit -> the green thread that it is for
        self._away_since: float | None = None

    @property
    def away_seconds(self) -> float:
        """How long it has not answered this process; 0 when it last did. Asked by announcements every few
        seconds, so this is never long out of date."""
        return 0.0 if self._away_since is None else time.monotonic() - self._away_since

    def answered(self, does: bool) -> None:
        if does:
            self._away_since = None
        elif self._away_since is None:
            self._away_since = time.monotonic()

    def connection(self) -> kombu.Connection:
        if self.is_memory:
            return kombu.Connection(self.uri, transport_options={"polling_interval": MEMORY_POLL_SECONDS})
        return kombu.Connection(self.uri, connect_timeout=CONNECT_SECONDS, heartbeat=HEARTBEAT_SECONDS)

    @contextlib.contextmanager
    def speaking(self, seconds: float = PUBLISH_SECONDS) -> Iterator[None]:
        """Bounds what is inside in time, and turns whatever goes wrong into BrokerUnavailable."""
        timeout = eventlet.Timeout(HURRIED_SECONDS if self._hurried else seconds)
        self._speaking[timeout] = eventlet.getcurrent()
        try:
            yield
        except eventlet.Timeout as expired:
            if expired is not timeout:
                raise
            raise BrokerUnavailable(f"no answer within {seconds} s") from expired
        except (OperationalError, *_ERRORS) as error:
            raise BrokerUnavailable(f"{type(error).__name__}: {error}") from error
        finally:
            del self._speaking[timeout]
            timeout.cancel()

    def hurry(self) -> None:
        """The service stops: a silent broker is waited for no longer. What it has not confirmed is sent again
        by the next process, and told apart where it was stored."""
        self._hurried = True
        for timeout, thread in self._speaking.items():
            timeout.cancel()
            # As eventlet itself does in `start`, which would take us for the one to wake.
            timeout.timer = get_hub().schedule_call_global(HURRIED_SECONDS, thread.throw, timeout)

    def declare_topology(self) -> None:
        """Every exchange and queue of the product, so that nothing published is ever without a home.

        Whoever starts first declares for all: a reader that has not started yet still gets its facts. Who
        comes later declares the same again, by which the broker compares every argument with what is there.
        Raises BrokerUnavailable, and TopologyDiffers where something exists with other arguments.
        """
        try:
            with self.speaking(DECLARE_SECONDS), self.connection() as connection:
                _declare(connection.channel())
        except BrokerUnavailable as error:
            self.topology_differs = isinstance(error.__cause__, PreconditionFailed)
            if self.topology_differs:
                raise TopologyDiffers(str(error.__cause__)) from error
            raise
        self.topology_differs = False

    def publisher(self) -> Publisher:
        return Publisher(self)


def _declare(channel: Any) -> None:
    for service in SERVICES:
        inbox_queue(service)(channel).declare()
        for stream in SUBSCRIPTIONS[service]:
            exchange = kombu.Exchange(exchange_of(stream), type="topic", durable=True)
            exchange(channel).declare()
            inbox_queue(service)(channel).bind_to(exchange, routing_key="#")
        positions_queue(service)(channel).declare()


def inbox_queue(service: str) -> kombu.Queue:
    return kombu.Queue(queue_of(service), durable=True, queue_arguments=INBOX_ARGUMENTS)


def positions_queue(service: str) -> kombu.Queue:
    exchange = kombu.Exchange(POSITIONS_EXCHANGE, type="topic", durable=True)
    bindings = [kombu.binding(exchange, routing_key=stream) for stream in STREAMS[service]]
    return kombu.Queue(
        positions_queue_of(service), bindings=bindings, durable=True, queue_arguments=POSITIONS_ARGUMENTS
    )


def must_route(stream: str) -> bool:
    """Whether some service reads the stream, so that a fact no queue took is an error."""
    return bool(readers_of(stream))


class Publisher:
    """One channel with publisher confirms, many messages in flight; reopened after any failure."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._connection: kombu.Connection | None = None
        self._channel: Any = None
        self._published = 0
        self._settled: dict[int, bool] = {}
        self._settled_through = 0
        self.returned: list[str] = []

    def publish(self, letters: Sequence[Letter]) -> int:
        """Publish in order and wait for the broker's word on all. How many, from the first, it has safe.

        The ids of letters that no queue took are in `returned`. Raises BrokerUnavailable.
        """
        self.returned = []
        try:
            with self._broker.speaking():
                confirmed = self._publish(letters)
        except BaseException as error:
            if isinstance(error, BrokerUnavailable):
                error.confirmed = self._confirmed()
                self._broker.answered(False)
            self.close()
            raise
        self._broker.answered(True)
        return confirmed

    def _publish(self, letters: Sequence[Letter]) -> int:
        channel = self._open()
        for letter in letters:
            message = channel.prepare_message(
                letter.body,
                content_type=CONTENT_TYPE,
                content_encoding="utf-8",
                properties={"delivery_mode": 2, "message_id": letter.message_id},
            )
            channel.basic_publish(
                message, exchange=letter.exchange, routing_key=letter.routing_key, mandatory=letter.must_route
            )
            self._published += 1
        if self._broker.is_memory:
            return len(letters)
        while self._settled_through + len(self._settled) < self._published:
            self._connection.drain_events()  # type: ignore[union-attr]  # _open has just set it
        confirmed = self._confirmed()
        self._settled.clear()
        self._settled_through = self._published
        return confirmed

    def _confirmed(self) -> int:
        """How many of the letters in flight were confirmed before the first one that was not."""
        tag = self._settled_through
        while self._settled.get(tag + 1, False):
            tag += 1
        return tag - self._settled_through

    def beat(self) -> bool:
        """Keep an idle connection alive. False when it turned out to be dead, and was closed."""
        if self._connection is None or self._broker.is_memory:
            return True
        try:
            with self._broker.speaking(BEAT_SECONDS):
                with contextlib.suppress(TimeoutError):
                    self._connection.drain_events(timeout=0.001)
                self._connection.heartbeat_check()
        except BrokerUnavailable:
            self.close()
            return False
        return True

    def _open(self) -> Any:
        if self._channel is not None:
            return self._channel
        self._published = self._settled_through = 0
        self._settled = {}
        self._connection = self._broker.connection()
        self._connection.connect()
        self._channel = self._connection.channel()
        if not self._broker.is_memory:
            self._channel.confirm_select()
            self._channel.events["basic_ack"].add(self._on_ack)
            self._channel.events["basic_nack"].add(self._on_nack)
            self._channel.events["basic_return"].add(self._on_return)
        return self._channel

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._settle(tag, multiple, True)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._settle(tag, multiple, False)

    def _settle(self, tag: int, multiple: bool, confirmed: bool) -> None:
        first = self._settled_through + 1 if multiple else tag
        for each in range(first, tag + 1):
            self._settled.setdefault(each, confirmed)

    def _on_return(self, _error: Any, _exchange: str, _routing_key: str, message: Any) -> None:
        self.returned.append(str(message.properties.get("message_id", "")))

    def close(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            # A stalled broker must not hold us up a second time while we say goodbye.
            with contextlib.suppress(Exception), eventlet.Timeout(1, False):
                connection.collect() if not self._broker.is_memory else connection.release()
