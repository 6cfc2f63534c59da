"""Families of processes: who descends from whom, and signals that miss no one.

Parentage is read from /proc instead of trusting process groups: PostgreSQL's backends and Erlang's helper
programs each make a session of their own, so a signal to a group would miss them.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

# A zombie counts as dead: in a container without an init nobody may ever reap it.
DEAD_STATES = "ZX"


class Process(NamedTuple):
    """A process by id and start time, so that a reused id is never taken for an earlier process."""

    pid: int
    born: int


class _Stat(NamedTuple):
    state: str
    parent: int
    born: int


def _stat(pid: int) -> _Stat | None:
    """Read /proc/<pid>/stat (proc(5): fields 3, 4 and 22); None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name in parentheses may itself hold spaces and parentheses
    return _Stat(fields[0], int(fields[1]), int(fields[19]))


def is_alive(process: Process) -> bool:
    """Whether it still runs, or is stopped by a signal."""
    stat = _stat(process.pid)
    return stat is not None and stat.born == process.born and stat.state not in DEAD_STATES


def with_descendants(roots: Iterable[int]) -> set[Process]:
    """The living processes among these ids and everything they have started."""
    table = {int(name): stat for name in os.listdir("/proc") if name.isdigit() and (stat := _stat(int(name)))}
    children: dict[int, list[int]] = {}
    for pid, stat in table.items():
        children.setdefault(stat.parent, []).append(pid)
    found: set[Process] = set()
    waiting = [pid for pid in roots if pid in table]
    while waiting:
        pid = waiting.pop()
        waiting.extend(children.get(pid, ()))
        if table[pid].state not in DEAD_STATES:
            found.add(Process(pid, table[pid].born))
    return found


def send(processes: Iterable[Process], number: signal.Signals) -> None:
    """Send a signal to those that still live."""
    for process in processes:
        if is_alive(process):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)


def freeze(roots: Iterable[int]) -> set[Process]:
    """Stop a whole family. Repeats until nobody new is seen, since a process may start another meanwhile."""
    known = list(roots)
    frozen: set[Process] = set()
    while new := with_descendants(known) - frozen:
        send(new, signal.SIGSTOP)
        frozen |= new
    return frozen


def all_gone(processes: Iterable[Process], within_seconds: float, pause: Callable[[], object]) -> bool:
    """Whether all have ended within the time; `pause` is called between two looks."""
    deadline = time.monotonic() + within_seconds
    left = [process for process in processes if is_alive(process)]
    while left and time.monotonic() < deadline:
        pause()
        left = [process for process in left if is_alive(process)]
    return not left
