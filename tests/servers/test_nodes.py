"""The nodes themselves: what other tests rely on when they kill, freeze and restart them."""

import os
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import amqp
import pytest
from kombu import Connection, Queue
from kombu.simple import SimpleQueue
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tests.servers.__main__ import environment_for, run_command
from tests.servers.machine import NodeFailed, free_port
from tests.servers.node import Node
from tests.servers.nodes import QUEUE_SETTLES_SECONDS, PostgresNode, RabbitNode, start_together
from tests.servers.processes import Process, all_gone, is_alive, with_descendants

POSTGRES_SSL_REQUEST = 80877103  # the shortest question there is: the answer would be one letter
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def nodes() -> Iterator[tuple[PostgresNode, RabbitNode]]:
    postgres, rabbit = PostgresNode(), RabbitNode()
    start_together(rabbit, postgres)
    yield postgres, rabbit
    postgres.remove()
    rabbit.remove()


@pytest.fixture
def postgres(nodes: tuple[PostgresNode, RabbitNode]) -> PostgresNode:
    return nodes[0]


@pytest.fixture
def rabbit(nodes: tuple[PostgresNode, RabbitNode]) -> RabbitNode:
    return nodes[1]


def ask(node: PostgresNode, database: str, *statements: str) -> object:
    """Run statements in one transaction on a fresh connection; the first value of the last one's answer."""
    engine = create_engine(node.url(database), poolclass=NullPool)
    with engine.begin() as connection:
        results = [connection.execute(text(statement)) for statement in statements]
        return results[-1].scalar() if results[-1].returns_rows else None


def simple_queue(connection: Connection, name: str) -> SimpleQueue:
    queue = Queue(name, routing_key=name, durable=True, queue_arguments={"x-queue-type": "quorum"})
    return connection.SimpleQueue(queue)


def put(node: RabbitNode, queue: str, message: str) -> None:
    """Publish and wait for the confirm: only a confirmed message may be expected after a kill."""
    options = {"confirm_publish": True, "read_timeout": 15}
    with Connection(node.amqp_uri, transport_options=options) as connection:
        simple_queue(connection, queue).put(message)


def get(node: RabbitNode, queue: str) -> object:
    with Connection(node.amqp_uri, transport_options={"read_timeout": 15}) as connection:
        message = simple_queue(connection, queue).get(timeout=10)
        message.ack()
        return message.payload


def uids(node: Node) -> set[int]:
    return {Path(f"/proc/{process.pid}").stat().st_uid for process in node.processes()}


def test_postgres_answers_and_reaches_the_disk(postgres: PostgresNode) -> None:
    postgres.create_database("answers")
    assert ask(postgres, "answers", "select 'Åsa' || current_database()") == "Åsaanswers"
    assert ask(postgres, "answers", "show fsync") == "on"
    assert ask(postgres, "answers", "show listen_addresses") == "127.0.0.1"


def test_a_database_is_dropped_under_its_users(postgres: PostgresNode) -> None:
    postgres.create_database("dropped")
    engine = create_engine(postgres.url("dropped"))
    connection = engine.connect()
    connection.execute(text("select 1"))
    postgres.drop_database("dropped")
    postgres.drop_database("dropped")  # and again, when it is gone
    connection.invalidate()
    with pytest.raises(OperationalError, match="does not exist"):
        ask(postgres, "dropped", "select 1")


def test_rabbit_keeps_a_message_in_a_quorum_queue(rabbit: RabbitNode) -> None:
    put(rabbit, "keeps", "hello")
    with Connection(rabbit.amqp_uri) as connection, pytest.raises(amqp.PreconditionFailed, match="quorum"):
        Queue("keeps", durable=True)(connection.default_channel).declare()  # it is no classic queue
    assert get(rabbit, "keeps") == "hello"


def test_every_process_belongs_to_an_ordinary_user(postgres: PostgresNode, rabbit: RabbitNode) -> None:
    for node in (postgres, rabbit):
        assert len(node.processes()) > 1
        assert 0 not in uids(node)
        assert node.home.stat().st_uid in uids(node)


def test_nodes_listen_on_loopback_and_only_on_their_own_ports(rabbit: RabbitNode) -> None:
    own = {rabbit.port, rabbit.distribution_port, rabbit.epmd_port}
    pids = {process.pid for process in rabbit.processes()}
    rows = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout.splitlines()
    listening = [row.split()[3] for row in rows if any(f"pid={pid}," in row for pid in pids)]
    assert {int(address.rpartition(":")[2]) for address in listening} == own
    assert {address.rpartition(":")[0] for address in listening} <= {"127.0.0.1", "[::1]"}


def test_killed_postgres_keeps_what_was_committed(postgres: PostgresNode) -> None:
    postgres.create_database("killed")
    ask(postgres, "killed", "create table seat (pupil text)", "insert into seat values ('Kim')")
    before = postgres.processes()
    postgres.kill()
    assert not any(is_alive(process) for process in before)
    assert not postgres.is_running
    postgres.start()
    assert ask(postgres, "killed", "select pupil from seat") == "Kim"


def test_killed_rabbit_keeps_what_was_confirmed(rabbit: RabbitNode) -> None:
    put(rabbit, "killed", "still here")
    time.sleep(QUEUE_SETTLES_SECONDS)
    before = rabbit.processes()
    rabbit.kill()
    assert not any(is_alive(process) for process in before)
    rabbit.start()
    assert get(rabbit, "killed") == "still here"


def test_suspended_postgres_answers_no_one_until_it_is_resumed(postgres: PostgresNode) -> None:
    postgres.suspend()
    try:
        with socket.create_connection(("127.0.0.1", postgres.port), timeout=0.5) as client:
            client.sendall(struct.pack("!ii", 8, POSTGRES_SSL_REQUEST))
            with pytest.raises(TimeoutError):
                client.recv(1)
    finally:
        postgres.resume()
    assert ask(postgres, "postgres", "select 1") == 1


def test_suspended_rabbit_answers_no_one_until_it_is_resumed(rabbit: RabbitNode) -> None:
    rabbit.suspend()
    try:
        with pytest.raises(TimeoutError):
            amqp.Connection(f"127.0.0.1:{rabbit.port}", connect_timeout=1).connect()
    finally:
        rabbit.resume()
    put(rabbit, "resumed", "awake")
    assert get(rabbit, "resumed") == "awake"


def test_a_command_gets_the_addresses_and_its_exit_code_is_kept(
    postgres: PostgresNode, rabbit: RabbitNode
) -> None:
    environment = environment_for(postgres, rabbit)
    assert environment["SAMKLANG_TEST_POSTGRES"].endswith(f"@127.0.0.1:{postgres.port}/{{database}}")
    script = f"import os, sys; sys.exit(7 if os.environ['SAMKLANG_TEST_AMQP'] == {rabbit.amqp_uri!r} else 1)"
    assert run_command([sys.executable, "-c", script], environment) == 7
    assert run_command(["sh", "-c", "kill -9 $$"], environment) == 128 + signal.SIGKILL
    assert run_command(["no-such-command-anywhere"], environment) == 127


def test_a_server_that_cannot_start_says_why() -> None:
    node = PostgresNode()
    try:
        node.data.mkdir()  # empty, so it isn't initialised either
        with pytest.raises(NodeFailed, match=r"(?s)ended while starting.*server configuration"):
            node.start()
        assert not node.processes()
    finally:
        node.remove()


def test_free_ports_differ_and_stay_clear_of_outgoing_connections() -> None:
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    assert not any(low <= port <= high for port in ports)


# A process that starts a node, says which, and waits: to see what becomes of the node when the process ends.
OWNER = """
    from tests.servers.nodes import PostgresNode
    node = PostgresNode(fsync=False)
    node.start()
    if SUSPENDED:
        node.suspend()
    print(node._children[-1].pid, node.home, flush=True)
"""
UNDER_EVENTLET = "import eventlet; eventlet.monkey_patch()\n"
# A shell has its background jobs ignore Ctrl-C, and so would what these start.
HEARS_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
WAIT = "import time; time.sleep(60)\n"


def owner(script: str) -> tuple[subprocess.Popen[str], set[Process], Path]:
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    pid, home = process.stdout.readline().split()
    return process, with_descendants([int(pid)]), Path(home)


@pytest.mark.parametrize("first", ["", UNDER_EVENTLET], ids=["plain", "eventlet"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda n: n.name)
def test_a_node_ends_with_the_process_that_started_it(first: str, number: signal.Signals) -> None:
    process, family, home = owner(first + HEARS_CTRL_C + "SUSPENDED = False" + textwrap.dedent(OWNER) + WAIT)
    assert len(family) > 1
    process.send_signal(number)
    assert process.wait(10) == -number
    assert all_gone(family, 5, lambda: time.sleep(0.02))
    if number == signal.SIGKILL:
        subprocess.run(["rm", "-rf", home], check=True)  # nobody was left to do it
    assert not home.exists()


def test_a_frozen_node_ends_too_when_its_owner_is_killed() -> None:
    process, family, home = owner("SUSPENDED = True" + textwrap.dedent(OWNER) + WAIT)
    assert len(family) > 1
    process.kill()
    process.wait(10)
    assert all_gone(family, 5, lambda: time.sleep(0.02))
    subprocess.run(["rm", "-rf", home], check=True)


@pytest.mark.filterwarnings("ignore:Using fork")  # the child here does nothing with eventlet
def test_a_forked_child_leaves_the_node_alone(postgres: PostgresNode) -> None:
    child = os.fork()
    if child == 0:
        postgres.remove()
        os._exit(0)
    os.waitpid(child, 0)
    assert ask(postgres, "postgres", "select 1") == 1


def test_stopped_in_order_nothing_is_left_and_wiping_forgets(
    postgres: PostgresNode, rabbit: RabbitNode
) -> None:
    """Last in the module, because it ends the nodes; RabbitMQ isn't started again, which takes seconds."""
    postgres.create_database("wiped")
    for node in (postgres, rabbit):
        with pytest.raises(RuntimeError, match="Stop the"):
            node.wipe()
        before = node.processes()
        node.suspend()  # a stop must not hang on a frozen node
        node.stop()
        assert not any(is_alive(process) for process in before)
        assert not node.processes()
        assert node.data.exists()
        node.wipe()
        assert not node.data.exists()
    postgres.start()
    with pytest.raises(OperationalError, match="does not exist"):
        ask(postgres, "wiped", "select 1")
    for node in (postgres, rabbit):
        node.remove()
        assert not node.home.exists()
