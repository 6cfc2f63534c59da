"""A year of the whole country: 21 counties, 290 municipalities, 100 000 to 1 000 000 places.

Each county is a database of its own, as in the product. Measured are the product's commands and queries on
PostgreSQL: shares, instalments issued and booked, and the flow matrix of places beside the same aggregate as
plain SQL on the same connection, in turn. And how many e-invoices a second pass all rules.
"""

from __future__ import annotations

import os
import random
import resource
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from io import StringIO
from json import dumps

import psycopg2
import sqlalchemy as sa

from services.billing import county
from services.billing.checks import check
from services.billing.commands import agreements, basis, budgets, invoicing
from services.billing.configuration import configuration_from
from services.billing.copy_tables import members, place_stays, place_subjects, places, pupil_moves, terms
from services.billing.domain.basis import Agreement
from services.billing.domain.budgets import Budget, Line
from services.billing.domain.places import WHOLE, Move, days_held, stays
from services.billing.domain.populations import Figure
from services.billing.peppol import rules
from services.billing.peppol.ubl import to_xml
from services.billing.queries.basis import run_of_year
from services.billing.queries.flow import flow_of_year
from services.billing.queries.invoices import invoices_of_year
from services.chassis.clock import FixedClock
from services.chassis.ids import derived_id
from services.chassis.settings import COUNTY_FOLDER
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate
from services.contracts.fact import LocalText
from tests.billing.peppol.examples import INVOICE_1

YEAR = 2025
BY = "a measurement"
# Statistics Sweden's counties, and how many municipalities each has.
COUNTIES = {
    "01": 26, "03": 8, "04": 9, "05": 13, "06": 13, "07": 8, "08": 12, "09": 1, "10": 5, "12": 33, "13": 6,
    "14": 49, "17": 16, "18": 12, "19": 10, "20": 15, "21": 10, "22": 7, "23": 8, "24": 15, "25": 14,
}  # fmt: skip
SIZES = (100_000, 300_000, 1_000_000)
TURNS = 3
TERM = "2025-spring"
DAYS = (date(2025, 1, 10), date(2025, 6, 10))
VALIDATIONS = 100
PLAIN_SQL = (
    "SELECT home, host, sum(thousandths) FROM ("
    "SELECT home_municipality AS home, host_municipality AS host, count(*) * 1000 AS thousandths FROM places "
    "WHERE term_id = '2025-spring' AND ended_at IS NULL AND NOT moved GROUP BY 1, 2 UNION ALL "
    "SELECT s.home_municipality, p.host_municipality, sum(s.thousandths) FROM places p JOIN place_stays s "
    "USING (application_id) WHERE p.term_id = '2025-spring' AND p.ended_at IS NULL AND p.moved GROUP BY 1, 2"
    ") AS counted GROUP BY 1, 2 ORDER BY 1, 2"
)
MOVED_ON = date(2025, 3, 15)
NOTHING = "\\N"  # as COPY reads it
CHART = configuration_from(COUNTY_FOLDER / "chart.yaml").chart
CLOCK = FixedClock(datetime(2026, 11, 24, 9, 0, tzinfo=UTC))


def main() -> None:
    chance = random.Random(1)
    with databases() as storages:
        for code, storage in storages.items():
            prepare(code, storage, chance)
        year = run_year(storages)
        steps = [
            grow(storages, before, size, chance) for before, size in zip((0, *SIZES), SIZES, strict=False)
        ]
        wrong, checking = check_all(storages)
    peppol = validate()
    figures = {
        "bench": "billing",
        "counties": len(COUNTIES),
        "municipalities": sum(COUNTIES.values()),
        "places": SIZES[-1],
        **year,
        "flow_s": steps[-1]["flow_s"],
        "flow_sql_s": steps[-1]["sql_s"],
        "ratio_sql": steps[-1]["ratio"],
        "growth": steps,
        "growth_per_place": round(steps[-1]["flow_s"] / steps[0]["flow_s"] / (SIZES[-1] / SIZES[0]), 2),
        **peppol,
        "memory_mb": memory_mb(),
        **checking,
        "errors": len(wrong),
        "check": wrong[0] if wrong else "ok",
    }
    print(dumps(figures, ensure_ascii=False), flush=True)
    sys.exit(1 if wrong else 0)


def say(text: str) -> None:
    print(f"billing: {text}", file=sys.stderr, flush=True)


def memory_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def timed(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


@contextmanager
def databases() -> Iterator[dict[str, Storage]]:
    """A migrated database a county, made from the first one."""
    address = os.environ.get("SAMKLANG_TEST_POSTGRES")
    if not address:
        sys.exit("SAMKLANG_TEST_POSTGRES is not set: run this with `python -m tests.servers run --`")
    prefix = f"b_{uuid.uuid4().hex[:8]}_"
    template = f"{prefix}template"
    on_server(address, f'CREATE DATABASE "{template}"')
    first = Storage(address.replace("{database}", template), CLOCK)
    migrate(first, "billing")
    first.close()
    storages = {}
    try:
        for code in COUNTIES:
            on_server(address, f'CREATE DATABASE "{prefix}{code}" TEMPLATE "{template}"')
            storages[code] = Storage(address.replace("{database}", f"{prefix}{code}"), CLOCK, pool_size=1)
        yield storages
    finally:
        for storage in storages.values():
            storage.close()
        for name in (template, *(f"{prefix}{code}" for code in storages)):
            on_server(address, f'DROP DATABASE "{name}" WITH (FORCE)')


def on_server(address: str, statement: str) -> None:
    """Run what no transaction may hold."""
    url = address.replace("{database}", "postgres").replace("postgresql+psycopg2", "postgresql")
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def codes_of(county_code: str) -> list[str]:
    return [f"{county_code}{number:02d}" for number in range(1, COUNTIES[county_code] + 1)]


def prepare(code: str, storage: Storage, chance: random.Random) -> None:
    """The county's municipalities, an agreement with four instalments, populations and a budget."""
    region = f"Region {code}"
    text = LocalText(sv="Hälften var.", en="Half each.")
    agreement = Agreement(
        1, date(2015, 1, 1), None, code, region, 50, text, "a measurement", terms=county.TERMS
    )
    figures = [
        Figure(each, date(2024, 12, 31), chance.randint(2_500, 990_000), "a measurement")
        for each in codes_of(code)
    ]
    lines = (Line("coordination", "Samordning", chance.randint(10**7, 10**9)),)
    budget = Budget(YEAR, 0, lines, "The steering group", date(2024, 10, 15), "")
    with storage.unit() as unit:
        unit.execute(
            sa.insert(members),
            [
                {"municipality_code": each, "name": f"Kommun {each}", "member_from": date(2015, 1, 1)}
                for each in codes_of(code)
            ],
        )
        days = {"starts_on": DAYS[0], "ends_on": DAYS[1]}
        unit.execute(sa.insert(terms), {"term_id": TERM, "name_sv": "VT", "name_en": "Spring", **days})
        agreements.record_agreement(unit, agreement, BY)
        basis.record_populations(unit, figures, BY)
        budgets.record_budget(unit, derived_id("bench", code), budget, BY)


def run_year(storages: dict[str, Storage]) -> dict[str, float]:
    """Shares of every county, and its four instalments issued and booked."""
    shares_s = timed(lambda: [compute(storage) for storage in storages.values()])
    invoices_s = timed(lambda: [issue(storage) for storage in storages.values()])
    papers = 0
    for storage in storages.values():
        with storage.reading() as connection:
            papers += len(invoices_of_year(connection, YEAR))
    say(f"shares {shares_s:.2f} s, {papers} invoices {invoices_s:.2f} s")
    return {
        "shares_s": round(shares_s, 3),
        "invoices": papers,
        "invoices_s": round(invoices_s, 3),
        "invoices_per_s": round(papers / invoices_s),
    }


def compute(storage: Storage) -> None:
    with storage.unit() as unit:
        basis.compute_year(unit, YEAR, BY)


def issue(storage: Storage) -> None:
    with storage.unit() as unit:
        run, _runs = run_of_year(unit.connection, YEAR)
        for number in range(1, 5):
            invoicing.issue_instalment(unit, YEAR, number, CHART, BY, run_id=run.run_id)


def grow(storages: dict[str, Storage], before: int, size: int, chance: random.Random) -> dict[str, float]:
    """Add places up to `size`, and measure the flow matrix of every county in turn with plain SQL."""
    total = sum(COUNTIES.values())
    for code, storage in storages.items():
        add_places(code, storage, (size - before) * COUNTIES[code] // total, chance)
    product, plain = [], []
    for _ in range(TURNS):
        product.append(timed(lambda: [flow(storage) for storage in storages.values()]))
        plain.append(timed(lambda: [plain_sql(storage) for storage in storages.values()]))
    for storage in storages.values():
        compare(storage)
    flow_s, sql_s = statistics.median(product), statistics.median(plain)
    say(f"{size} places: flow {flow_s:.3f} s, plain SQL {sql_s:.3f} s, {memory_mb()} MB")
    return {
        "places": size,
        "flow_s": round(flow_s, 4),
        "sql_s": round(sql_s, 4),
        "ratio": round(flow_s / sql_s, 2),
        "memory_mb": memory_mb(),
    }


def add_places(code: str, storage: Storage, count: int, chance: random.Random) -> None:
    """Nine of ten at home, one in ten has ended, one in fifty has a home that is not shown, and one in a
    hundred is split: its pupil moved within the term.
    """
    codes = codes_of(code)
    rows, subjects, parts, moves = (StringIO() for _ in range(4))
    for _ in range(count):
        home = chance.choice(codes)
        host = home if chance.random() < 0.9 else chance.choice(codes)
        shown = "\\N" if chance.random() < 0.02 else home
        ended = "2025-03-01 12:00+00" if chance.random() < 0.1 else "\\N"
        name = f"{chance.getrandbits(120):030x}"
        moved = shown == home and len(codes) > 1 and chance.random() < 0.01
        about = f"{host}\t{TERM}\t2025-01-15 12:00+00\t{ended}\t{'t' if moved else 'f'}"
        rows.write(f"{name}\t{shown}\t{about}\n")
        pupil = f"p{name[:20]}"
        subjects.write(f"{name}\t1\t{pupil if shown == home else NOTHING}\tcourse\n")
        if moved:
            to = chance.choice([each for each in codes if each != home])
            for stay in stays(home, *days_held(*DAYS, date(2025, 1, 15)), [Move(home, to, MOVED_ON)]):
                days = f"{stay.first_on}\t{stay.last_on}"
                parts.write(f"{name}\t{days}\t{stay.home}\t{stay.thousandths}\n")
            moves.write(f"{chance.getrandbits(62)}\t{pupil}\t{home}\t{to}\t{MOVED_ON}\n")
    columns = ("application_id", "home_municipality", "host_municipality", "term_id", "given_at", "ended_at")
    copied = (
        (places, rows, (*columns, "moved")),
        (place_subjects, subjects, ("application_id", "sequence", "pupil_id", "course_id")),
        (place_stays, parts, ("application_id", "first_on", "last_on", "home_municipality", "thousandths")),
        (pupil_moves, moves, ("sequence", "pupil_id", "from_municipality", "to_municipality", "moved_on")),
    )
    with storage.engine.begin() as connection:
        raw = connection.connection.cursor()
        for table, text, named in copied:
            text.seek(0)
            raw.copy_from(text, table.name, columns=named)
    with storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE places"))


def flow(storage: Storage) -> object:
    with storage.reading() as connection:
        return flow_of_year(connection, YEAR)


def plain_sql(storage: Storage) -> list[tuple[str | None, str, int]]:
    with storage.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(PLAIN_SQL)]


def compare(storage: Storage) -> None:
    """The product's matrix and the plain one say the same."""
    with storage.reading() as connection:
        (term,) = flow_of_year(connection, YEAR).terms
    found = {
        (home, home): each.at_home_thousandths
        for home, each in term.homes.items()
        if each.at_home_thousandths
    }
    for home, each in term.homes.items():
        found |= {(home, host): count for host, count in each.by_host_thousandths.items()}
    plain = plain_sql(storage)
    if found != {(home, host): count for home, host, count in plain if home is not None}:
        sys.exit("the product's flow matrix differs from plain SQL")
    if term.not_shown * WHOLE != sum(count for home, _, count in plain if home is None):
        sys.exit("places whose home is not shown differ from plain SQL")


def check_all(storages: dict[str, Storage]) -> tuple[list[str], dict[str, float]]:
    """What `samklang check` finds in every county, and its seconds: of all, and of the slowest county."""
    wrong: list[str] = []
    seconds: list[float] = []
    for storage in storages.values():
        started = time.perf_counter()
        wrong += findings(storage)
        seconds.append(time.perf_counter() - started)
    say(f"check {sum(seconds):.2f} s, the slowest county {max(seconds):.2f} s")
    return wrong, {"check_s": round(sum(seconds), 2), "check_slowest_s": round(max(seconds), 2)}


def findings(storage: Storage) -> list[str]:
    with storage.reading() as connection:
        return check(connection)


def validate() -> dict[str, float]:
    """E-invoices a second through schema, EN 16931 and Peppol rules, after the rules were compiled once."""
    compiled_s = timed(rules.warm_up)
    documents = [to_xml(replace(INVOICE_1, number=f"{YEAR}-{n:04d}")) for n in range(VALIDATIONS)]
    spent = timed(lambda: [refuse_findings(document) for document in documents])
    say(f"{VALIDATIONS / spent:.0f} validations a second")
    return {"peppol_compile_s": round(compiled_s, 2), "peppol_per_s": round(VALIDATIONS / spent, 1)}


def refuse_findings(document: bytes) -> None:
    if rules.validate(document):
        sys.exit("an e-invoice of the measurement does not pass")


if __name__ == "__main__":
    main()
