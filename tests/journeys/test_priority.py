"""On one machine, letters and books give way to families who wait for an answer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.chassis.clock import SystemClock
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate
from tests.chassis.conftest import emptied_broker
from tests.conftest import AMQP, needed
from tests.journeys.product import environment, free_port, running, wait_for


@pytest.mark.parametrize(("service", "nicer"), [("enrolment", 0), ("notifications", 10), ("billing", 10)])
def test_whose_process_goes_first(service: str, nicer: int, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/{service}.db"
    storage = Storage(url, SystemClock())
    migrate(storage, service)
    storage.close()
    port, log = free_port(), tmp_path / "service.log"
    broker = emptied_broker(needed(AMQP))
    env = environment(SAMKLANG_VAR=str(tmp_path), DATABASE_URL=url, AMQP_URI=broker.uri, PORT=str(port))
    with running(["serve", service], env, log) as process:
        wait_for(f"http://127.0.0.1:{port}", f"/health/{service}/live", process, log)
        own = os.getpriority(os.PRIO_PROCESS, 0)
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == min(own + nicer, 19)
