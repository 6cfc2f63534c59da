"""What every private server has in common: a life that a test can start, freeze, kill and wipe.

Every node has its own folder, ports and (for RabbitMQ) epmd, and runs as an ordinary user, so it neither
needs nor disturbs a server that already runs on the machine. Needs Linux and the packages of install.sh.
"""

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Self

from tests.servers.machine import NodeFailed, free_port, new_home, ordinary_user
from tests.servers.processes import Process, all_gone, freeze, send, with_descendants

START_LIMIT_SECONDS = 60.0
STOP_LIMIT_SECONDS = 20.0
POLL_SECONDS = 0.05
SYSTEM_PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


# ---------------------------------------------------------------- the end of the test run

_standing: list["Node"] = []


def _remove_all() -> None:
    for node in list(_standing):
        node.remove()


atexit.register(_remove_all)


def _end_by_signal(number: int, _frame: FrameType | None) -> None:
    """End the nodes, then this process by the same signal, so that our parent sees the truth.

    Never sleeps or waits on a child: under eventlet the handler may run inside the hub, which must not block.
    """
    for node in list(_standing):
        node.slay()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _in_main_thread() -> bool:
    return threading.get_native_id() == os.getpid()  # true in every greenlet too, unlike current_thread()


def _remember(node: "Node") -> None:
    """See to it that the node ends with this process, however this process ends.

    A normal exit, an exception and Ctrl-C reach atexit. SIGTERM and SIGHUP get a handler where nobody else
    has set one. SIGKILL is answered by the kernel (see `Node._spawn`), which leaves only the folder behind.
    """
    _standing.append(node)
    if _in_main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _end_by_signal)


def _mourner(frozen: Iterable[Process]) -> subprocess.Popen[bytes]:
    """A shell that kills frozen processes when we die: they can't notice by themselves that their parent did.

    It waits for a line, which tells it that all is well, or for the end of its input, which comes with ours.
    """
    script = 'read -r word || kill -KILL "$@" 2>/dev/null'
    command = ["sh", "-c", script, "sh", *(str(process.pid) for process in frozen)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


# ---------------------------------------------------------------- nodes


class Node(ABC):
    """One server in a folder of its own. As a context manager: started on entry, removed on exit."""

    kind: str
    user_name: str
    stop_signal: signal.Signals

    def __init__(self, *, in_memory: bool = False) -> None:
        """Choose the ports and make the folder; nothing runs yet, but addresses are already known."""
        self.user = ordinary_user(self.user_name)
        self.port = free_port()
        self.home = new_home(f"samklang-{self.kind}-", self.user, in_memory=in_memory)
        self.data = self.home / "data"
        self.log = self.home / "log"
        self._children: list[subprocess.Popen[bytes]] = []
        self._mourner: subprocess.Popen[bytes] | None = None
        self._owner_pid = os.getpid()
        _remember(self)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.remove()

    @property
    def is_running(self) -> bool:
        """Whether the server itself runs (or is suspended)."""
        return bool(self._children) and self._children[-1].poll() is None

    def processes(self) -> set[Process]:
        """Every living process of the node: what it was started as, and all descendants."""
        return with_descendants(self._roots())

    def start(self) -> None:
        """Start on the same ports and the data there is, and wait until a client is served.

        Raises NodeFailed with the log's tail when that takes more than START_LIMIT_SECONDS.
        """
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start without waiting, so that several nodes can come up at the same time."""
        if self.is_running:
            raise RuntimeError(f"The {self.kind} node runs already.")
        self.kill()  # helpers that outlived a server which ended by itself
        self._launch()

    def wait_until_ready(self) -> None:
        """The second half of `start`."""
        deadline = time.monotonic() + START_LIMIT_SECONDS
        while not self._serves():
            if not self.is_running or time.monotonic() > deadline:
                why = "took too long to start" if self.is_running else "ended while starting"
                self.kill()
                raise NodeFailed(f"The {self.kind} node {why}. Its log ends:\n{self.log_tail()}")
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Shut down in order and keep the data. A server that does not end in time is killed."""
        self.resume()
        family = self.processes()
        for child in reversed(self._children):  # the server first, then what it leans on
            if child.poll() is None:
                child.send_signal(self.stop_signal)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(STOP_LIMIT_SECONDS)
        all_gone(family, 1.0, lambda: time.sleep(POLL_SECONDS))  # helpers end when their pipe closes
        send(family, signal.SIGKILL)
        self.kill()

    def kill(self) -> None:
        """SIGKILL every process, as the kernel does when memory runs out, and keep the data."""
        self._dismiss_mourner()
        self._kill_processes()
        for child in self._children:
            child.wait()
        self._children.clear()

    def restart(self) -> None:
        """Stop in order and start again with the data kept."""
        self.stop()
        self.start()

    def suspend(self) -> None:
        """Freeze every process: the kernel keeps connections and accepts new ones, but no one answers."""
        if not self.is_running:
            raise RuntimeError(f"The {self.kind} node is down; there is nothing to suspend.")
        if self._mourner is None:
            self._mourner = _mourner(freeze(self._roots()))

    def resume(self) -> None:
        """Let a suspended node go on. Nothing happens to one that was not suspended."""
        self._dismiss_mourner()
        send(self.processes(), signal.SIGCONT)

    def wipe(self) -> None:
        """Delete the data of a node that is down: the next start is a new server's, on the same ports."""
        if self.is_running:
            raise RuntimeError(f"Stop the {self.kind} node before its data is wiped.")
        shutil.rmtree(self.data, ignore_errors=True)

    def remove(self) -> None:
        """Kill the node and delete its folder; the object is of no use after that."""
        if os.getpid() != self._owner_pid:
            return  # a forked child inherits the object, not the node
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)
        if self in _standing:
            _standing.remove(self)

    def slay(self) -> None:
        """`remove` for a signal handler: nothing in it sleeps, and dead children are left to the kernel."""
        if os.getpid() == self._owner_pid:
            self._kill_processes()
            shutil.rmtree(self.home, ignore_errors=True)

    def log_tail(self, lines: int = 40) -> str:
        """The last lines the server wrote."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError as error:
            return f"(no log: {error})"

    def _dismiss_mourner(self) -> None:
        if self._mourner is not None:
            self._mourner.communicate(b"\n")
            self._mourner = None

    def _roots(self) -> list[int]:
        """Our own children that are not reaped yet: only their ids can't have been given to someone else."""
        return [child.pid for child in self._children if child.returncode is None]

    def _kill_processes(self) -> None:
        family = freeze(self._roots())
        send(family, signal.SIGKILL)
        all_gone(family, STOP_LIMIT_SECONDS, os.sched_yield)

    def _spawn(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        """Start a process of the node as its user, in its folder, with nothing of our own environment.

        It gets a session of its own, so that Ctrl-C in the terminal leaves the end to us. setpriv asks the
        kernel to kill it when we die; to the kernel "we" is the thread that started it, so only the main
        thread may ask.
        """
        prefix = self._as_user()
        if _in_main_thread():
            prefix = ["setpriv", "--pdeathsig=KILL", *prefix[1:]]
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                [*prefix, *command],
                cwd=self.home,
                env={**self._environment(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children.append(child)

    def _as_user(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        return ["setpriv", f"--reuid={self.user.uid}", f"--regid={self.user.gid}", "--clear-groups"]

    def _environment(self) -> dict[str, str]:
        return {"PATH": SYSTEM_PATH, "HOME": str(self.home), "LANG": "C.UTF-8", "TZ": "UTC"}

    def _write(self, name: str, text: str, mode: int = 0o600) -> Path:
        path = self.home / name
        path.write_text(text)
        path.chmod(mode)
        os.chown(path, self.user.uid, self.user.gid)
        return path

    @abstractmethod
    def _launch(self) -> None: ...

    @abstractmethod
    def _serves(self) -> bool: ...
