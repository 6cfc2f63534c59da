"""RabbitMQ and PostgreSQL as private nodes: how each is made, started and asked whether it serves."""

import contextlib
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import amqp

from tests.servers.machine import NodeFailed, free_port
from tests.servers.node import POLL_SECONDS, START_LIMIT_SECONDS, SYSTEM_PATH, Node

RABBITMQ_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
POSTGRES_VERSIONS = Path("/usr/lib/postgresql")

# RabbitMQ notes a new quorum queue on disk half a second late. Killed before that, it comes back with a queue
# that never gets a leader, and confirmed messages are gone (rabbitmq-server issue 15725): before a kill, let
# a new queue settle.
QUEUE_SETTLES_SECONDS = 2.0


class PostgresNode(Node):
    """PostgreSQL on 127.0.0.1 and on a socket in its folder; the superuser `samklang` needs no password."""

    kind = "postgresql"
    user_name = "postgres"
    stop_signal = signal.SIGINT  # "fast": ends the sessions instead of waiting for them
    role = "samklang"

    def __init__(self, *, fsync: bool = True) -> None:
        """With fsync=False commits wait for no disk and need none: faster, but nothing to measure on."""
        super().__init__(in_memory=not fsync)
        self.fsync = fsync

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database; the name may be a placeholder such as `{database}`."""
        return f"postgresql+psycopg2://{self.role}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> None:
        """Create an empty database; CalledProcessError when it exists."""
        self._tool("createdb", name)

    def drop_database(self, name: str) -> None:
        """Drop a database if it exists, and throw out whoever is connected to it."""
        self._tool("dropdb", "--if-exists", "--force", name)

    def _launch(self) -> None:
        binaries = self._binaries()
        if not self.data.exists():
            self._initialise(binaries)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.home),
            "dynamic_shared_memory_type": "mmap",  # in the data folder: a kill leaves nothing in /dev/shm
            "shared_buffers": "64MB",
            "max_connections": "200",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "fsync": "on" if self.fsync else "off",
            "synchronous_commit": "on" if self.fsync else "off",
            "full_page_writes": "on" if self.fsync else "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._spawn([binaries / "postgres", "-D", self.data, *options], {})

    def _initialise(self, binaries: Path) -> None:
        command = [*self._as_user(), str(binaries / "initdb"), "-D", str(self.data), "-U", self.role]
        command += ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
        done = subprocess.run(
            command, cwd=self.home, env=self._environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise NodeFailed(f"initdb failed:\n{done.stdout}{done.stderr}")

    def _serves(self) -> bool:
        done = subprocess.run(
            [self._binaries() / "pg_isready", "-q", "-t", "1", "-h", "127.0.0.1", "-p", str(self.port)],
            env=self._environment(),
            check=False,
        )
        return done.returncode == 0 and self.is_running

    def _tool(self, name: str, *arguments: str) -> None:
        place = ["-h", str(self.home), "-p", str(self.port), "-U", self.role]
        subprocess.run(
            [self._binaries() / name, *place, *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=True,
        )

    @staticmethod
    def _binaries() -> Path:
        """The newest version installed."""
        found = [path.parent for path in POSTGRES_VERSIONS.glob("*/bin/initdb")]
        if not found:
            raise NodeFailed("PostgreSQL is not installed: run tests/servers/install.sh.")
        return max(found, key=lambda path: float(path.parent.name))


class RabbitNode(Node):
    """RabbitMQ on 127.0.0.1 with an epmd of its own, no plugins, and the user guest:guest."""

    kind = "rabbitmq"
    user_name = "rabbitmq"
    stop_signal = signal.SIGTERM

    def __init__(self) -> None:
        """Choose two more ports than other nodes need: Erlang distribution and epmd."""
        super().__init__()
        self.distribution_port = free_port()
        self.epmd_port = free_port()
        self._write(".erlang.cookie", secrets.token_hex(20), mode=0o400)
        self._write("enabled_plugins", "[].\n")
        self._write("rabbitmq.conf", f"listeners.tcp.1 = 127.0.0.1:{self.port}\n")
        self._write("rabbitmq-env.conf", "")  # or the machine's own would be read

    @property
    def amqp_uri(self) -> str:
        """The URI for kombu and nameko, at the default virtual host."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def _launch(self) -> None:
        """Run epmd as our child: an epmd that RabbitMQ starts itself becomes a daemon that no one ends."""
        epmd = shutil.which("epmd", path=SYSTEM_PATH)
        if epmd is None or not RABBITMQ_SERVER.exists():
            raise NodeFailed("RabbitMQ is not installed: run tests/servers/install.sh.")
        self._spawn([epmd, "-port", str(self.epmd_port), "-address", "127.0.0.1"], {})
        self._wait_for_epmd()
        self._spawn([RABBITMQ_SERVER], self._settings())

    def _wait_for_epmd(self) -> None:
        deadline = time.monotonic() + START_LIMIT_SECONDS
        while time.monotonic() < deadline and self.is_running:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.epmd_port), timeout=1).close()
                return
            time.sleep(POLL_SECONDS / 5)
        self.kill()
        raise NodeFailed(f"epmd did not start. The log ends:\n{self.log_tail()}")

    def _settings(self) -> dict[str, str]:
        """Everything by name, so that nothing is taken from the machine's own RabbitMQ.

        One scheduler that waits a moment before it sleeps starts two to four times as fast on a small virtual
        machine, where waking a processor costs more than the work it is woken for.
        """
        erlang = "+S 1:1 -start_epmd false -kernel inet_dist_use_interface {127,0,0,1}"
        return {
            "RABBITMQ_NODENAME": "samklang@localhost",
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": str(self.data),
            "RABBITMQ_LOG_BASE": str(self.home),
            "RABBITMQ_LOGS": "-",  # standard output, which is the node's log file
            "RABBITMQ_CONFIG_FILE": str(self.home / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(self.home / "conf.d"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.home / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(self.home / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.home / "enabled_plugins"),
            "RABBITMQ_SCHEDULER_BUSY_WAIT_THRESHOLD": "medium",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": erlang,
            "RUNNING_UNDER_SYSTEMD": "true",  # no shell in between: our signals reach Erlang itself
        }

    def _serves(self) -> bool:
        """A real handshake: the port alone opens before users and virtual hosts are there."""
        try:
            connection = amqp.Connection(f"127.0.0.1:{self.port}", "guest", "guest", connect_timeout=2)
            connection.connect()
            connection.close()
        except (OSError, amqp.AMQPError):
            return False
        return self.is_running


def start_together(*nodes: Node) -> None:
    """Start nodes side by side, in the time of the slowest; if one fails, none is left running.

    Without threads on purpose: the kernel would end a node together with the thread that started it.
    """
    try:
        for node in nodes:
            node.launch()
        for node in nodes:
            node.wait_until_ready()
    except BaseException:
        for node in nodes:
            node.kill()
        raise
