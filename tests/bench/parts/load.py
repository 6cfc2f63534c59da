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


def run(port: int, requests: list[bytes], connections: int) -> list[list[object]]:
    answers: list[list[object]] = [[0.0, 0.0, 0, ""] for _ in requests]
    selector = selectors.DefaultSelector()
    following = iter(range(len(requests)))
    busy = 0

    def send_next(connection: Connection) -> bool:
        number = next(following, -1)
        if number < 0:
            return False
        connection.number, connection.received = number, b""
        connection.sent = time.monotonic()
        connection.socket.sendall(requests[number])
        return True

    opened = [Connection(socket.create_connection(("127.0.0.1", port))) for _ in range(connections)]
    for connection in opened:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    for connection in opened:
        busy += send_next(connection)
    while busy:
        events = selector.select(PATIENCE_SECONDS)
        if not events:
            break  # what has no answer counts as an error
        for key, _ in events:
            connection = key.data
            data = connection.socket.recv(65536)
            connection.received += data
            answer = complete(connection.received)
            if answer is not None:
                sent = connection.sent
                answers[connection.number] = [sent, time.monotonic(), answer[0], answer[1].decode()]
                busy -= not send_next(connection)
            elif not data:
                selector.unregister(connection.socket)
                busy -= 1
    for connection in opened:
        connection.socket.close()
    return answers


def main() -> None:
    port, connections = int(sys.argv[1]), int(sys.argv[2])
    lines = [line.rstrip("\n").split("\t") for line in sys.stdin]
    requests = [request_bytes(port, token, body) for token, body in lines]
    gc.disable()
    for answer in run(port, requests, connections):
        sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
