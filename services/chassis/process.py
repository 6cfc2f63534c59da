"""A process of one or more services: one web server, a nameko container each, and a graceful stop.

The process' entry point calls `eventlet.monkey_patch()` as its first statement, before this is imported.
"""

from __future__ import annotations

import gc
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import eventlet
import eventlet.wsgi
import structlog
from eventlet.event import Event
from nameko.containers import ServiceContainer

from services.chassis.messaging.service import FactService
from services.chassis.parts import Parts
from services.chassis.web.app import App, FrontDoor

# A service manager waits ten seconds or more before it kills.
STOP_SECONDS = 9
REQUESTS_SECONDS = 4
MOST_CONNECTIONS = 1024
MOST_WORKERS = 32
IDLE_CONNECTION_SECONDS = 75

log = structlog.get_logger("process")


class CannotListen(Exception):
    """Another process listens there already, or the address is none of this machine's."""


@dataclass(frozen=True)
class Composition:
    """A service put together by its wiring.

    `niceness` is added to the process's where the service has one to itself: letters and books can wait for a
    moment for families who wait for an answer on the same machine.
    """

    service_class: type[FactService]
    parts: Parts
    app: App
    niceness: int = 0


def listen_on(host: str, port: int) -> Any:
    """A listening socket. Raises CannotListen."""
    try:
        return eventlet.listen((host, port), backlog=512, reuse_port=False)
    except OSError as error:
        raise CannotListen(f"port {port} on {host} cannot be used: {error.strerror}") from error


class Process:
    """Starts in `start`, works until `stop` or a signal, and says in `wait` whether it ended well."""

    def __init__(self, compositions: Sequence[Composition], listener: socket.socket) -> None:
        self._compositions = compositions
        self._listener = listener
        self._ended: Event = Event()
        self._containers = [
            ServiceContainer(c.service_class, {"parts": c.parts, "max_workers": MOST_WORKERS})
            for c in compositions
        ]
        front_door = FrontDoor([c.app for c in compositions])
        for composition in compositions:
            composition.app.siblings = front_door.apps
        self._connections = eventlet.GreenPool(MOST_CONNECTIONS)
        self._server = eventlet.spawn(
            eventlet.wsgi.server,
            listener,
            front_door,
            log_output=False,
            debug=False,
            custom_pool=self._connections,
            socket_timeout=IDLE_CONNECTION_SECONDS,
        )

    def start(self) -> None:
        # What is loaded by now stays: looking through it for garbage again and again costs a tenth of a
        # second at a time, in which nobody is answered.
        gc.collect()
        gc.freeze()
        for container in self._containers:
            container.start()
            eventlet.spawn(self._watch, container)

    def _watch(self, container: Any) -> None:
        try:
            container.wait()
        except Exception as error:
            log.critical("service_died", service=container.service_name, error=repr(error))
            self.end(1)

    def end(self, code: int) -> None:
        """Have `wait` stop everything and return `code`; the first one that is given counts."""
        if not self._ended.ready():
            self._ended.send(code)

    def stop_on_signals(self) -> None:
        def on_signal(number: int, _frame: Any) -> None:
            # A handler may run in the middle of anything: only ask the hub to end the process.
            eventlet.spawn_after(0, self.end, 0)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, on_signal)

    def wait(self) -> int:
        """The exit code, after everything in hand was finished or STOP_SECONDS have passed."""
        code: int = self._ended.wait()
        self.stop()
        return code

    def stop(self) -> None:
        """Take no more requests, answer those in hand, finish the batches and acknowledge them, close.

        Requests come first: they may wait for a batch. One that stalls does not keep the batches waiting.
        """
        self._server.kill()
        self._listener.close()
        with eventlet.Timeout(STOP_SECONDS, False):
            with eventlet.Timeout(REQUESTS_SECONDS, False):
                self._connections.waitall()
            stopping = [eventlet.spawn(container.stop) for container in self._containers]
            for thread in stopping:
                thread.wait()
        for composition in self._compositions:
            composition.parts.close()


Compose = Callable[..., Composition]
