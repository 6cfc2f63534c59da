"""The opening minute: 10 000 families apply at once for 4 000 places, in turn with two measures beside it.

Private PostgreSQL and RabbitMQ, four services as processes, 64 connections. Each round runs the service,
pgbench with the same statements in one transaction each, and the service with batching off.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from services.contracts.registry import SERVICES
from services.enrolment.tables import applications
from tests.bench.parts.opening import COURSES, SEATS, Family, families, make_known, register, write_county
from tests.bench.parts.product import Bench, cpu_seconds, most_memory_mb
from tests.journeys.product import Product, until
from tests.servers.nodes import PostgresNode

FAMILIES = 10_000
CONNECTIONS = 64
ROUNDS = 2
CAUGHT_UP_PATIENCE_SECONDS = 300
# One transaction a request takes minutes for all: a quarter of the courses gives its rate too.
COURSES_ALONE = 50
SCRIPT = Path(__file__).parent / "parts" / "one_transaction_each.sql"


@dataclass
class Minute:
    """What one run of the service gave. `wrong` says in words what should not have been."""

    per_s: float
    latencies: list[float]
    places: int
    caught_up_s: float
    memory_mb: float
    check: str
    wrong: list[str] = field(default_factory=list)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        everybody = prepare(bench)
        few = [family for family in everybody if family.number % COURSES < COURSES_ALONE]
        minutes, alone, pgbench = [], [], []
        for turn in range(ROUNDS):
            minutes.append(open_minute(bench, f"batched{turn}", everybody))
            pgbench.append(run_pgbench(bench, f"pgbench{turn}"))
            alone.append(open_minute(bench, f"alone{turn}", few, ADMISSION_BATCH="1"))
            rates = minutes[-1].per_s, pgbench[-1], alone[-1].per_s
            say("{:.0f}/s, pgbench {:.0f}/s, batching off {:.0f}/s".format(*rates))
    wrong = [text for minute in (*minutes, *alone) for text in minute.wrong]
    for text in wrong:
        say(text)
    per_s = statistics.fmean(minute.per_s for minute in minutes)
    latencies = sorted(each for minute in minutes for each in minute.latencies)
    figures = {
        "bench": "rush",
        "decisions_per_s": round(per_s),
        "p50_ms": round(1000 * latencies[len(latencies) // 2], 1),
        "p99_ms": round(1000 * latencies[len(latencies) * 99 // 100], 1),
        "errors": len(wrong),
        "places": minutes[-1].places,
        "ratio_pgbench": round(per_s / statistics.fmean(pgbench), 3),
        "ratio_unbatched": round(per_s / statistics.fmean(minute.per_s for minute in alone), 2),
        "caught_up_s": round(max(minute.caught_up_s for minute in minutes), 1),
        "memory_mb": round(max(minute.memory_mb for minute in minutes)),
        "check": next((m.check for m in (*minutes, *alone) if m.check != "ok"), "ok"),
        "pgbench_per_s": round(statistics.fmean(pgbench)),
        "unbatched_per_s": round(statistics.fmean(minute.per_s for minute in alone)),
    }
    print(json.dumps(figures), flush=True)
    sys.exit(1 if wrong else 0)


def say(text: str) -> None:
    print(f"rush: {text}", file=sys.stderr, flush=True)


def prepare(bench: Bench) -> list[Family]:
    """Databases `ready_<service>` with the county, its courses and all families, everything handled."""
    county = write_county(bench.folder / "county")
    bench.create("ready")
    bench.migrate("ready")
    with bench.product("ready") as (product, _):
        product.command("load", str(county))
        product.wait_until_quiet()
    enrolment, notifications = bench.storage("ready", "enrolment"), bench.storage("ready", "notifications")
    everybody = families(enrolment, FAMILIES)
    register(enrolment, everybody, date.today().year)  # noqa: DTZ011 (the machine's year will do)
    make_known(notifications, everybody)
    enrolment.close()
    notifications.close()
    return everybody


def open_minute(bench: Bench, name: str, everybody: list[Family], **settings: str) -> Minute:
    bench.create(name, like="ready")
    with bench.product(name, **settings) as (product, pids):
        before = cpu_seconds(pids)
        answers = press_apply(product, everybody)
        spent = {service: now - before[service] for service, now in cpu_seconds(pids).items()}
        ended = max(answer[1] for answer in answers)
        wait_until_caught_up(product, CAUGHT_UP_PATIENCE_SECONDS)
        caught_up = time.monotonic() - ended
        memory = most_memory_mb(pids)
        check = "ok" if "check: ok" in product.command("check", check=False) else "broken"
    storage = bench.storage(name, "enrolment")
    with storage.reading() as connection:
        rows = connection.execute(
            sa.select(applications.c.application_id, applications.c.course_id, applications.c.state).order_by(
                applications.c.course_id, applications.c.queued_at
            )
        ).all()
    storage.close()
    bench.drop(name)
    say(
        f"{name}: seconds of CPU while families waited: "
        + ", ".join(f"{s} {t:.1f}" for s, t in spent.items())
    )
    began = min(answer[0] for answer in answers if answer[0])
    return Minute(
        per_s=len(everybody) / (ended - began),
        latencies=[answer[1] - answer[0] for answer in answers],
        places=sum(row.state == "placed" for row in rows),
        caught_up_s=caught_up,
        memory_mb=memory,
        check=check,
        wrong=what_is_wrong(everybody, answers, rows),
    )


def press_apply(product: Product, everybody: list[Family], connections: int = CONNECTIONS) -> list[Any]:
    """[sent, answered, status, body] a family."""
    lines = []
    for family in everybody:
        bearer = product.token("guardian", family.home, family.guardian_id)["Authorization"]
        lines.append(f"{bearer.removeprefix('Bearer ')}\t{family.body}\n")
    port = product.addresses["enrolment"].rpartition(":")[2]
    command = [sys.executable, "-m", "tests.bench.parts.load", port, str(connections)]
    done = subprocess.run(command, input="".join(lines), capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def what_is_wrong(everybody: list[Family], answers: list[list[Any]], rows: Any) -> list[str]:
    """Wrong answers, wrong counts, and anybody whom the queue has before one who was answered earlier."""
    wrong = [
        f"{family.application_id} got {answer[2]}: {answer[3][:200]}"
        for family, answer in zip(everybody, answers, strict=True)
        if answer[2] != 200
    ]
    told = {
        family.application_id: json.loads(answer[3])["state"]
        for family, answer in zip(everybody, answers, strict=True)
        if answer[2] == 200
    }
    wrong += [
        f"{row.application_id} was told something else" for row in rows if told.get(row[0]) != row.state
    ]
    places = sum(row.state == "placed" for row in rows)
    expected = SEATS * len({family.course_id for family in everybody})
    if places != expected:
        wrong.append(f"{places} places were given, not {expected}")
    times = {f.application_id: (a[0], a[1]) for f, a in zip(everybody, answers, strict=True)}
    latest: dict[str, float] = {}
    for row in rows:  # by course, in queue order: places first, for they came first
        sent, answered = times[row.application_id]
        if latest.get(row.course_id, 0.0) > answered:
            wrong.append(f"{row.application_id} was answered before one ahead of it had applied")
        latest[row.course_id] = max(latest.get(row.course_id, 0.0), sent)
    return wrong


def wait_until_caught_up(product: Product, seconds: float) -> None:
    """Until no service has a fact left to send or to handle."""
    operator = product.token("operator", "19")

    def caught_up() -> bool:
        figures = [product.call("GET", f"/api/{s}/operations", operator).json() for s in SERVICES]
        by_service = dict(zip(SERVICES, figures, strict=True))
        sent = by_service["enrolment"]["outbox_backlog"] == 0
        return sent and all(f["inbox_backlog"] == 0 and f["parked"] == 0 for f in figures)

    until(caught_up, seconds)
    until(caught_up, seconds)  # what the last look found on its way between two services


def run_pgbench(bench: Bench, name: str) -> float:
    """Transactions a second of the same statements, one transaction an application."""
    url = sa.make_url(bench.template.replace("{database}", f"{name}_enrolment"))
    bench.create(name, like="ready")
    storage = bench.storage(name, "enrolment")
    with storage.unit() as unit:
        unit.execute(
            sa.text(
                "UPDATE courses SET course_id = '00000000-0000-4000-8004-' || lpad(n::text, 12, '0') FROM "
                "(SELECT course_id AS old, row_number() OVER (ORDER BY course_id) - 1 AS n FROM courses) t "
                "WHERE courses.course_id = t.old"
            )
        )
    storage.close()
    each = FAMILIES // CONNECTIONS
    command = [str(PostgresNode._binaries() / "pgbench"), "-n", "-M", "prepared", "-f", str(SCRIPT)]
    command += ["-c", str(CONNECTIONS), "-j", "2", "-t", str(each), "-D", "i=0", "-D", f"each={each}"]
    command += ["-h", str(url.host), "-p", str(url.port), "-U", str(url.username), str(url.database)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    bench.drop(name)
    found = re.search(r"tps = ([\d.]+) \(without", done.stdout)
    if found is None or "number of failed transactions: 0" not in done.stdout:
        raise AssertionError(f"pgbench did not do what was asked:\n{done.stdout}{done.stderr}")
    return float(found[1])


if __name__ == "__main__":
    main()
