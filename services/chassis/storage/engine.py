"""The database of one service: SQLite or PostgreSQL, by its URL."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import eventlet
import psycopg2
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from services.chassis.clock import Clock
from services.chassis.storage.unit import Unit

POSTGRES_CONNECT_SECONDS = 5
SQLITE_BUSY_SECONDS = 5


def in_short(error: BaseException) -> str:
    """The error in one line that may be logged and shown.

    A database's error goes on with the statement, its parameters and the row it was about: people's data.
    """
    text = str(error.orig) if isinstance(error, sa.exc.DBAPIError) else str(error)
    return f"{type(error).__name__}: {text.strip().partition(chr(10))[0]}"[:300]


def is_deadlock(error: BaseException) -> bool:
    """Whether PostgreSQL ended this transaction so that another one could go on: all of it is undone."""
    return isinstance(error, sa.exc.DBAPIError) and isinstance(error.orig, psycopg2.errors.DeadlockDetected)


class Storage:
    """Opens units of work. `facts_recorded` is called after a commit that recorded facts."""

    def __init__(self, url: str | URL, clock: Clock, *, pool_size: int = 20) -> None:
        self.url = make_url(url)
        self.clock = clock
        self.facts_recorded: Callable[[], None] = lambda: None
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(self.url) if self.is_sqlite else _postgres_engine(self.url, pool_size)
        # SQLite has one writer. Its busy-wait would stop every green thread of the process, the lock's
        # holder among them, so writers of this process queue here instead.
        self._writer = threading.Lock() if self.is_sqlite else None
        self._exclusive: dict[str, threading.Lock] = {}

    @contextmanager
    def unit(self, *, cause: Any = None) -> Iterator[Unit]:
        """One transaction: state and facts together, or nothing. `cause` is the envelope reacted to."""
        if self._writer is not None:
            self._writer.acquire()
        try:
            with self.writing_connection() as connection, connection.begin():
                unit = Unit(connection, self.clock.now(), cause)
                yield unit
                unit.finish()
                unit.write_outbox()
        finally:
            if self._writer is not None:
                self._writer.release()
        if unit.recorded_facts:
            self.facts_recorded()

    def writing_connection(self) -> sa.Connection:
        """A connection whose transactions write; see `_sqlite_engine`. For units and migrations only."""
        return self.engine.connect().execution_options(samklang_writes=True)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One consistent look; nothing may be written."""
        with self.engine.connect() as connection:
            if not self.is_sqlite:
                # Every statement sees the same moment, as SQLite's readers do. Costs no round trip.
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield connection
            connection.rollback()

    @contextmanager
    def exclusive(self, name: str) -> Iterator[bool]:
        """Whether this is the only holder of `name` over all processes of the service, while inside.

        On PostgreSQL an advisory lock that ends with its connection, so a killed process frees it.
        """
        if self.is_sqlite:
            lock = self._exclusive.setdefault(name, threading.Lock())
            got = lock.acquire(blocking=False)
            try:
                yield got
            finally:
                if got:
                    lock.release()
            return
        with self.engine.begin() as connection:
            key = zlib.crc32(name.encode())
            yield bool(connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(key))))

    def close(self) -> None:
        self.engine.dispose()


def _postgres_engine(url: URL, pool_size: int) -> sa.Engine:
    engine = sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=10,
        pool_pre_ping=True,
        pool_timeout=10,
        hide_parameters=True,  # an error's text goes to logs, and its parameters are people's data
        # A server whose machine is gone answers no more, and nobody says so.
        connect_args={
            "connect_timeout": POSTGRES_CONNECT_SECONDS,
            "keepalives_idle": 20,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,  # milliseconds
        },
        # Many rows of one UPDATE travel together instead of one round trip each.
        executemany_mode="values_plus_batch",
        # One statement sees what was committed before it: rows are locked before they are judged.
        isolation_level="READ COMMITTED",
    )

    @sa.event.listens_for(engine, "do_connect")
    def on_do_connect(dialect: Any, _record: Any, arguments: Any, parameters: Any) -> Any:
        # A server that is frozen takes the connection and never answers; under eventlet libpq's own
        # connect_timeout does not see that.
        late = psycopg2.OperationalError(f"no answer from PostgreSQL within {POSTGRES_CONNECT_SECONDS} s")
        with eventlet.Timeout(POSTGRES_CONNECT_SECONDS, late):
            return dialect.connect(*arguments, **parameters)

    @sa.event.listens_for(engine, "handle_error")
    def on_error(context: Any) -> None:
        # Its further lines show the row that was to be stored.
        for error in (context.original_exception, context.sqlalchemy_exception):
            if error is not None and error.args:
                error.args = (str(error.args[0]).partition("\n")[0],)

    return engine


def _sqlite_engine(url: URL) -> sa.Engine:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url, connect_args={"timeout": SQLITE_BUSY_SECONDS}, pool_size=20, hide_parameters=True
    )

    @sa.event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def on_begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("samklang_writes", False)
        # A reader that turns writer midway can only fail; a writer says so from the start.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
