"""A service whose broker stalls: its pages answer, readiness says what is wrong, and it stops in time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import requests

from services.chassis.clock import SystemClock
from services.chassis.messaging.broker import Broker
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate
from tests.chassis.conftest import emptied_broker
from tests.chassis.facts import cancelled, record
from tests.chassis.messaging.line import line_to
from tests.conftest import AMQP, needed
from tests.journeys.product import environment, free_port, running, until, wait_for


def test_a_stalled_broker_blocks_neither_pages_nor_the_stop(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/catalogue.db"
    storage = Storage(url, SystemClock())
    migrate(storage, "catalogue")
    port = free_port()
    address, log = f"http://127.0.0.1:{port}", tmp_path / "catalogue.log"

    def readiness() -> Any:
        answer = requests.get(f"{address}/health/catalogue/ready", timeout=5)
        assert answer.status_code == 200  # pages work: nobody is sent away
        return answer.json()

    def asked() -> float:
        began = time.monotonic()
        assert requests.get(f"{address}/courses", timeout=5).status_code == 200
        return time.monotonic() - began

    with line_to(emptied_broker(needed(AMQP))) as line:
        env = environment(
            SAMKLANG_VAR=str(tmp_path), DATABASE_URL=url, AMQP_URI=Broker(line.uri).uri, PORT=str(port)
        )
        with running(["serve", "catalogue"], env, log) as process:
            wait_for(address, "/health/catalogue/live", process, log)
            record(storage, cancelled("before"))
            until(lambda: readiness()["outbox_backlog"] == 0, 60)
            assert readiness()["broker"] == "answers"
            line.hold()
            record(storage, *[cancelled(f"c{n}") for n in range(50)])
            until(lambda: readiness()["broker"] == "away", 60)
            said = readiness()
            assert said["status"] == "ready_without_broker"
            assert said["outbox_backlog"] == 50
            until(lambda: readiness()["broker_away_seconds"] > 0, 60)  # told in tenths, so not at once
            assert max(asked() for _ in range(10)) < 3
            process.terminate()
            began = time.monotonic()
            assert process.wait(timeout=15) == 0
            assert time.monotonic() - began < 10
    storage.close()
