"""What a node asks of the machine: a free port, an ordinary user and a folder of its own."""

import contextlib
import os
import pwd
import random
import shutil
import socket
import tempfile
from pathlib import Path
from typing import NamedTuple

# The kernel allows 107 bytes; the rest is for the names of the node's folder and of the socket in it.
UNIX_SOCKET_PATH_LIMIT = 80


class NodeFailed(RuntimeError):
    """A node did not start; the message ends with the tail of its log."""


_ports_given_out: set[int] = set()


def free_port() -> int:
    """A port nobody listens on, outside the range that the kernel takes for outgoing connections.

    Inside that range a client that retries while the node is down can be given the node's own port: it would
    then be connected to itself, or keep the node from coming back.
    """
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    candidates = [port for port in range(20_000, 65_536) if not low <= port <= high] or range(20_000, 65_536)
    dice = random.SystemRandom()  # tests seed the common generator, and parallel runs would all draw the same
    for _ in range(500):
        port = dice.choice(candidates)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("0.0.0.0", port))
            if port not in _ports_given_out:
                _ports_given_out.add(port)
                return port
    raise NodeFailed("Found no free TCP port on this machine.")


class User(NamedTuple):
    uid: int
    gid: int


def ordinary_user(preferred: str) -> User:
    """Ourselves, or the package's own user when we are root: both servers refuse or discourage root."""
    if os.geteuid() != 0:
        return User(os.geteuid(), os.getegid())
    for name in (preferred, "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return User(entry.pw_uid, entry.pw_gid)
    raise NodeFailed(f"Neither the user {preferred} nor nobody exists; a node must not run as root.")


MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 - mkdtemp makes an unguessable name there too
MEMORY_NEEDED = 2 * 1024**3


def new_home(prefix: str, user: User, *, in_memory: bool = False) -> Path:
    """A folder owned by the node's user, in the temporary folder if that user can get into it.

    `in_memory` asks for one that is no disk, where the machine has room for it: a test's database is made ten
    times as fast there.
    """
    place = Path(tempfile.gettempdir()).resolve()
    if in_memory and MEMORY_FOLDER.is_dir() and shutil.disk_usage(MEMORY_FOLDER).free > MEMORY_NEEDED:
        place = MEMORY_FOLDER
    shut = any(not folder.stat().st_mode & 0o001 for folder in (place, *place.parents))
    if (shut and os.geteuid() == 0) or len(str(place)) > UNIX_SOCKET_PATH_LIMIT:
        place = Path("/tmp")  # noqa: S108 - mkdtemp makes an unguessable name; this only picks the parent
    home = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    os.chown(home, user.uid, user.gid)
    return home
