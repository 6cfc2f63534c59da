"""A TCP proxy on loopback that can be a bad network: `python -m tests.faults.proxy LISTEN TARGET`.

A process of its own, so that what it does to time does not depend on the test's. It is told its mode on
standard input, a line each, and answers `ok` when the mode holds for every connection there is:

    pass            as if it were not there
    delay SECONDS   each piece of data is held so long, in both directions
    trickle BYTES   so many bytes a second
    half-open       nothing passes in either direction, and nobody is told; new connections are accepted
    mute            what the client sends arrives, what the server answers does not
    reset           every connection is reset; new ones pass
    refuse          every connection is reset, new ones too
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHUNK = 64 * 1024
TRICKLES_A_SECOND = 10
ROOT = Path(__file__).parents[2]


class Wire:
    """All connections of the proxy and the mode they are in."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.mode = "pass"
        self.amount = 0.0
        self._writers: set[asyncio.StreamWriter] = set()
        self._changed = asyncio.Event()

    def turn(self, mode: str, amount: float) -> None:
        self.mode, self.amount = mode, amount
        if mode in ("reset", "refuse"):
            for writer in list(self._writers):
                reset(writer)
        self._changed.set()
        self._changed = asyncio.Event()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode == "refuse":
            reset(writer)
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            reset(writer)
            return
        self._writers |= {writer, back}
        try:
            await asyncio.gather(self._carry(reader, back, False), self._carry(there, writer, True))
        finally:
            self._writers -= {writer, back}
            for each in (writer, back):
                each.close()

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, is_answer: bool) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while data := await source.read(CHUNK):
                await self._pass_on(data, sink, is_answer)
        sink.close()

    async def _pass_on(self, data: bytes, sink: asyncio.StreamWriter, is_answer: bool) -> None:
        if self.mode == "half-open" or (self.mode == "mute" and is_answer):
            return  # lost: what was once left out of a stream never comes
        if self.mode == "delay":
            await asyncio.sleep(self.amount)
        while self.mode == "trickle" and data:
            piece = max(1, int(self.amount / TRICKLES_A_SECOND))
            sink.write(data[:piece])
            await sink.drain()
            data = data[piece:]
            await asyncio.sleep(1 / TRICKLES_A_SECOND)
        sink.write(data)
        await sink.drain()


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with RST, not with FIN."""
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def main(listen_port: int, target_port: int) -> None:
    wire = Wire(target_port)
    server = await asyncio.start_server(wire.connected, "127.0.0.1", listen_port)
    commands = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    sys.stdout.write("ok\n")
    sys.stdout.flush()
    async with server:
        while line := (await commands.readline()).decode().split():
            wire.turn(line[0], float(line[1]) if len(line) > 1 else 0.0)
            sys.stdout.write("ok\n")
            sys.stdout.flush()


class Proxy:
    """The test's hand on a running proxy."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self.port = port

    def turn(self, mode: str) -> None:
        """For instance `delay 0.2`; holds when this returns."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(mode + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer == "ok\n", f"the proxy answered {answer!r} to {mode}"


@contextmanager
def proxied(listen_port: int, target_port: int) -> Iterator[Proxy]:
    """A proxy from one loopback port to another, ended with its last word."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.proxy", str(listen_port), str(target_port)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ok\n"
        yield Proxy(process, listen_port)
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
