"""nameko entrypoints of the chassis.

nameko's own event handlers acknowledge a fact although its handler raised, and dispatch one message at a
time; these take what has arrived together, and acknowledge only after the method has returned.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import eventlet
import structlog
from eventlet.event import Event
from nameko.extensions import DependencyProvider, Entrypoint

from services.chassis.messaging.broker import (
    DECLARE_SECONDS,
    Broker,
    BrokerUnavailable,
    inbox_queue,
    positions_queue,
)
from services.chassis.storage.engine import in_short

LISTEN_BATCH = 1000
# What comes within a moment is taken together. Where many come, a batch of its own costs far more than a fact
# more in this one, so it waits a little longer for the next ones.
PAUSE_SECONDS = 0.005
MANY = 16
GATHER_SECONDS = 0.15
RECONNECT_SECONDS = 2.0

log = structlog.get_logger("listen")


class Parts(DependencyProvider):  # type: ignore[misc]  # nameko ships no types
    """Gives the service's methods what wiring built."""

    def get_dependency(self, worker_ctx: Any) -> Any:
        return self.container.config["parts"]


class _Worker(Entrypoint):  # type: ignore[misc]  # nameko ships no types
    """An entrypoint with a green thread of its own that runs the method and waits for it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._stopping = False
        self._thread: Any = None

    @property
    def parts(self) -> Any:
        return self.container.config["parts"]

    def start(self) -> None:
        self._thread = self.container.spawn_managed_thread(self._run, identifier=self.method_name)

    def stop(self) -> None:
        """Finish what is in hand, begin nothing new."""
        self._stopping = True
        self.wake()
        if self._thread is not None:
            self._thread.wait()

    def wake(self) -> None:
        pass

    def _run(self) -> None:
        raise NotImplementedError

    def _call(self, *args: Any) -> Any:
        """The method's result; raises what it raised."""
        done: Event = Event()

        def handle_result(_context: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
            if exc_info is None:
                done.send(result)
            else:
                done.send_exception(*exc_info)
            return result, exc_info

        self.container.spawn_worker(self, args, {}, handle_result=handle_result)
        return done.wait()


class Loop(_Worker):
    """Runs the method again and again; it returns how many seconds to rest, 0 for none.

    `wake_on` names the bell (see Bells) that ends a rest early.
    """

    def __init__(self, wake_on: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wake_on = wake_on
        self._bell = Bell()

    def setup(self) -> None:
        if self.wake_on is not None:
            self.parts.bells.hang(self.wake_on, self._bell)

    def wake(self) -> None:
        self._bell.ring()

    def _run(self) -> None:
        while not self._stopping:
            self._bell.clear()
            try:
                rest = self._call()
            except Exception as error:
                # The database is away, say. A loop that died would stop the service for good.
                log.error("loop_failed", loop=self.method_name, error=in_short(error))
                rest = RECONNECT_SECONDS
            if rest and not self._stopping:
                self._bell.wait(rest)
            else:
                eventlet.sleep(0)


class Bell:
    """Wakes one waiting loop; a ring while nobody waits is kept."""

    def __init__(self) -> None:
        self._rung = False
        self._waiting: Event | None = None

    def ring(self) -> None:
        self._rung = True
        if self._waiting is not None and not self._waiting.ready():
            self._waiting.send(None)

    def clear(self) -> None:
        self._rung = False

    def wait(self, seconds: float) -> None:
        if self._rung:
            return
        self._waiting = Event()
        with eventlet.Timeout(seconds, False):
            self._waiting.wait()
        self._waiting = None


class Bells:
    """The bells of one service: `outbox` after facts were recorded, `inbox` after some were received ..."""

    def __init__(self) -> None:
        self._bells: dict[str, list[Bell]] = {}

    def hang(self, name: str, bell: Bell) -> None:
        self._bells.setdefault(name, []).append(bell)

    def ring(self, name: str) -> None:
        for bell in self._bells.get(name, ()):
            bell.ring()


class Listen(_Worker):
    """Gives the method the bodies of the messages that arrived together; acknowledges when it returned."""

    def __init__(self, queue: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.queue = queue

    def stop(self) -> None:
        self.parts.broker.hurry()
        super().stop()

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._listen(self.parts.broker)
            except Exception as error:
                if not self._stopping:
                    log.warning("listener_reconnects", queue=self.queue, error=in_short(error))
                    eventlet.sleep(RECONNECT_SECONDS)

    def _listen(self, broker: Broker) -> None:
        queue_for: Callable[[str], Any] = {"inbox": inbox_queue, "positions": positions_queue}[self.queue]
        connection = broker.connection()
        try:
            with broker.speaking(DECLARE_SECONDS):
                broker.declare_topology()
                connection.connect()
                channel = connection.channel()
                arrived: list[Any] = []
                consumer = connection.Consumer(
                    [queue_for(self.container.service_name)(channel)],
                    channel=channel,
                    on_message=arrived.append,
                    prefetch_count=LISTEN_BATCH,
                    auto_declare=False,
                    no_ack=False,
                )
                consumer.consume()
            while not self._stopping:
                self._take(connection, arrived)
                if arrived:
                    self._call([_body(message) for message in arrived])
                    _acknowledge(arrived, broker)
                    arrived.clear()
        finally:
            with contextlib.suppress(Exception), eventlet.Timeout(1, False):
                connection.release()

    def _take(self, connection: Any, arrived: list[Any]) -> None:
        """Wait for a message, then take what is there already, up to a batch."""
        try:
            connection.drain_events(timeout=0.5)
            until = time.monotonic() + GATHER_SECONDS
            while len(arrived) < LISTEN_BATCH:
                left = until - time.monotonic() if len(arrived) >= MANY else 0.0
                connection.drain_events(timeout=max(left, PAUSE_SECONDS))
        except TimeoutError:
            if not arrived and not self.parts.broker.is_memory:
                connection.heartbeat_check()


def _body(message: Any) -> bytes:
    body = message.body
    return body.encode() if isinstance(body, str) else bytes(body)


def _acknowledge(messages: list[Any], broker: Broker) -> None:
    if broker.is_memory:
        for message in messages:
            message.ack()
    else:
        with broker.speaking():
            messages[-1].ack(multiple=True)


listen = Listen.decorator
loop = Loop.decorator

__all__ = ["Bell", "Bells", "BrokerUnavailable", "Listen", "Loop", "Parts", "listen", "loop"]
