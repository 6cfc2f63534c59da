"""nameko as it comes: an event dispatcher in one process and an event handler in another.

`python -m tests.bench._nameko_stock writer|reader|bare AMQP_URI DATABASE_URL FACTS`. The writer says when it
began, the reader when it had the last fact; `reader` runs the product's own reaction in a transaction a
fact, `bare` does nothing with it.
"""

import eventlet

eventlet.monkey_patch()

import os
import sys
import time
from typing import Any, ClassVar

from nameko.events import EventDispatcher, event_handler
from nameko.runners import ServiceRunner
from nameko.timer import timer

from services.chassis.clock import SystemClock
from services.chassis.ids import new_id
from services.chassis.storage.engine import Storage
from services.contracts.enrolment import PupilNamed
from services.contracts.envelope import envelop, parse_envelope
from services.contracts.registry import read_fact
from services.notifications.reactions import REACTIONS

WRITER, READER, EVENT = "bench_writer", "bench_reader", "pupil_named"
QUEUE = f"evt-{WRITER}-{EVENT}--{READER}.handle"


def say(what: str) -> None:
    os.write(1, f"{what} {time.time()}\n".encode())


class Writer:
    name = WRITER
    facts: ClassVar[int] = 0
    dispatch = EventDispatcher()

    @timer(interval=86400, eager=True)
    def write(self) -> None:
        envelopes = [
            envelop(
                PupilNamed(f"pupil-{n}", f"Pupil {n}"),
                message_id=new_id(),
                sequence=n + 1,
                now=SystemClock().now(),
                correlation_id=new_id(),
                causation_id=None,
                traceparent=None,
            ).to_json()
            for n in range(self.facts)
        ]
        say("began")
        for envelope in envelopes:
            self.dispatch(EVENT, envelope)


class Counted:
    facts: ClassVar[int] = 0
    had: ClassVar[int] = 0

    def count(self) -> None:
        type(self).had += 1
        if self.had == self.facts:
            say("ended")


class Reader(Counted):
    name = READER
    storage: ClassVar[Any] = None

    @event_handler(WRITER, EVENT)
    def handle(self, payload: str) -> None:
        envelope = parse_envelope(payload)
        fact = read_fact(envelope.type, dict(envelope.data))
        with self.storage.unit(cause=envelope) as unit:
            REACTIONS[type(fact)](unit, fact)
        self.count()


class BareReader(Counted):
    name = READER

    @event_handler(WRITER, EVENT)
    def handle(self, payload: str) -> None:
        self.count()


def main(role: str, amqp_uri: str, database_url: str, facts: int) -> None:
    service = {"writer": Writer, "reader": Reader, "bare": BareReader}[role]
    service.facts = facts
    if role == "reader":
        Reader.storage = Storage(database_url, SystemClock())
    runner = ServiceRunner({"AMQP_URI": amqp_uri})
    runner.add_service(service)
    runner.start()
    say("ready")
    runner.wait()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
