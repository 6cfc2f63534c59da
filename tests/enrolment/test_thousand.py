"""A thousand children press "apply" at once for a course of thirty seats, over HTTP, in a real process."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from services.chassis.clock import SystemClock
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate
from services.enrolment.checks import check
from tests.bench.parts.opening import Family, register
from tests.bench.rush import press_apply
from tests.enrolment.story import CATALOGUE, FIDDLE, NORRBY, SODERBY, TERM, tell
from tests.journeys.product import Product, environment, free_port, running, wait_for

CHILDREN, SEATS = 1000, 30
TODAY = date.today()  # noqa: DTZ011 (the served process has the machine's clock)
OPEN = replace(
    TERM,
    starts_on=TODAY + timedelta(60),
    ends_on=TODAY + timedelta(180),
    apply_from=None,
    apply_until=None,
)
WANTED = replace(FIDDLE, capacity=SEATS, min_age=6, max_age=19)


def test_thirty_get_a_place_and_each_is_told_at_once(postgres_url: str, tmp_path: Path) -> None:
    everybody = [Family(n, (NORRBY, SODERBY)[n % 2], WANTED.course_id) for n in range(CHILDREN)]
    storage = Storage(postgres_url, SystemClock())
    migrate(storage, "enrolment")
    tell(storage, *CATALOGUE, OPEN, WANTED)
    register(storage, everybody, OPEN.starts_on.year)
    port = free_port()
    env = environment(SAMKLANG_VAR=str(tmp_path), DATABASE_URL=postgres_url, PORT=str(port))
    address = f"http://127.0.0.1:{port}"
    with running(["serve", "enrolment"], env, tmp_path / "log") as process:
        wait_for(address, "/health/enrolment/live", process, tmp_path / "log")
        answers = press_apply(Product({"enrolment": address}, env), everybody, connections=500)
    told = [json.loads(body) for _, _, status, body in answers if status == 200]
    assert len(told) == CHILDREN, Counter(status for _, _, status, _ in answers)
    assert Counter(each["state"] for each in told) == {"placed": SEATS, "queued": CHILDREN - SEATS}
    positions = sorted(each["position"] for each in told if each["state"] == "queued")
    assert positions == list(range(1, CHILDREN - SEATS + 1))
    assert max(answered - sent for sent, answered, _, _ in answers) < 20
    with storage.reading() as connection:
        assert check(connection) == []
    storage.close()
