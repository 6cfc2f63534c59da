"""The families of the opening minute: a process of its own that keeps 64 connections busy.

`python -m tests.bench.parts.load PORT CONNECTIONS` reads one request a line from standard input (a token, a
tab and a JSON body) and writes one line of JSON an answer: [sent, answered, status, body], in the order of
the requests, times in seconds of the monotonic clock. A selector and bare sockets: on a machine of two cores
a comfortable client would be measured as much as the service.
"""

from __future__ import annotations

import gc
import json
import selectors
import socket
import sys
import time
from dataclasses import dataclass

PATIENCE_SECONDS = 30
LENGTH = b"content-length: "


@dataclass(slots=True)
class Connection:
    socket: socket.socket
    number: int = -1
    sent: float = 0.0
    received: bytes = b""


def request_bytes(port: int, token: str, body: str) -> bytes:
    payload = body.encode()
    head = (
        "POST /api/enrolment/applications HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{port}\r\n"
        "User-Agent: samklang-bench\r\n"
        "Accept: application/json\r\n"
        "Accept-Language: sv\r\n"
        f"Authorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(payload)}\r\n\r\n"
    )
    return head.encode() + payload


def complete(received: bytes) -> tuple[int, bytes] | None:
    """The status and the body once all of it is there."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    start = received.lower().find(LENGTH, 0, end)
    length = int(received[start + len(LENGTH) : received.index(b"\r\n", start)])
    body = received[end + 4 :]
    return (int(received[9:12]), body) if len(body) >= length else None


class Crowd:
    """Every connection sends a request, reads its answer, and sends the next that nobody has sent."""

    def __init__(self, port: int, requests: list[bytes], connections: int) -> None:
        self.requests = requests
        self.answers: list[list[object]] = [[0.0, 0.0, 0, ""] for _ in requests]
        self._following = iter(range(len(requests)))
        self._selector = selectors.DefaultSelector()
        self._opened = [Connection(socket.create_connection(("127.0.0.1", port))) for _ in range(connections)]
        for each in self._opened:
            each.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(each.socket, selectors.EVENT_READ, each)

    def run(self) -> list[list[object]]:
        """[sent, answered, status, body] a request; zeros for one that got no answer."""
        busy = sum(self._send_next(each) for each in self._opened)
        while busy:
            events = self._selector.select(PATIENCE_SECONDS)
            if not events:
                break
            busy -= sum(self._receive(key.data) for key, _ in events)
        for each in self._opened:
            each.socket.close()
        return self.answers

    def _send_next(self, connection: Connection) -> bool:
        number = next(self._following, -1)
        if number < 0:
            return False
        connection.number, connection.received = number, b""
        connection.sent = time.monotonic()
        connection.socket.sendall(self.requests[number])
        return True

    def _receive(self, connection: Connection) -> bool:
        """Whether the connection has nothing more to do."""
        data = connection.socket.recv(65536)
        connection.received += data
        answer = complete(connection.received)
        if answer is not None:
            status, body = answer
            self.answers[connection.number] = [connection.sent, time.monotonic(), status, body.decode()]
            return not self._send_next(connection)
        if not data:
            self._selector.unregister(connection.socket)
        return not data


def main() -> None:
    port, connections = int(sys.argv[1]), int(sys.argv[2])
    lines = [line.rstrip("\n").split("\t") for line in sys.stdin]
    requests = [request_bytes(port, token, body) for token, body in lines]
    gc.disable()
    for answer in Crowd(port, requests, connections).run():
        sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
