"""A line to the broker that can be held, muted or cut, in this process: what a stalled broker looks like."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import eventlet
from eventlet.event import Event

from services.chassis.messaging.broker import Broker


class Line:
    """Between `uri` and the broker. Held, nothing passes and nobody is told, as when the broker is stopped
    (SIGSTOP); muted, what the client says arrives and no answer comes back."""

    def __init__(self, broker_uri: str) -> None:
        there = urlsplit(broker_uri)
        self._target = (there.hostname, there.port)
        self._listener = eventlet.listen(("127.0.0.1", 0))
        here = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.uri = broker_uri.replace(f"{there.hostname}:{there.port}", here)
        self.connections = 0
        self._open = Event()
        self._open.send()
        self._answers = True
        self._sockets: list[Any] = []
        self._server = eventlet.spawn(self._serve)

    def hold(self) -> None:
        self._open = Event()

    def mute(self) -> None:
        self._answers = False

    def go_on(self) -> None:
        self._answers = True
        if not self._open.ready():
            self._open.send()

    def cut(self) -> None:
        """Every connection there is; new ones pass."""
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()

    def _serve(self) -> None:
        while True:
            here, _ = self._listener.accept()
            self.connections += 1
            there = eventlet.connect(self._target)
            self._sockets += [here, there]
            eventlet.spawn(self._carry, here, there, False)
            eventlet.spawn(self._carry, there, here, True)

    def _carry(self, source: Any, sink: Any, is_answer: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(64 * 1024):
                self._open.wait()
                if self._answers or not is_answer:
                    sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._server.kill()
        self.go_on()
        self.cut()
        self._listener.close()


@contextlib.contextmanager
def line_to(broker: Broker) -> Iterator[Line]:
    line = Line(broker.uri)
    try:
        yield line
    finally:
        line.close()
