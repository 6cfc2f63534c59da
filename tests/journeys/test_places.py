"""A term in the whole product: a pupil moves within it, and when it is over homes owe hosts for places.

Embedded, with the clock moved on by hand: through the pages of staff and the API of finance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import eventlet
import pytest
import sqlalchemy as sa
from kombu.transport.memory import Channel

from services.chassis import consistency
from services.chassis.clock import FixedClock
from services.chassis.ids import new_id
from services.chassis.messaging import figures
from services.chassis.personal_identity import InvalidPersonalIdentity, parse_personal_identity
from services.chassis.process import Composition, Process, listen_on
from services.chassis.settings import COUNTY_FOLDER, read_settings
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate
from services.command_line import running
from services.contracts.registry import SERVICES
from tests.journeys.product import free_port
from tests.web import bearer, client_of, sign_in

AUTUMN, IN_TERM, OVER = (
    datetime(*day, 9, tzinfo=UTC) for day in ((2026, 11, 24), (2027, 3, 20), (2027, 6, 20))
)
TERM = "VT2027"  # 18 January to 4 June 2027: 138 days


@pytest.fixture(scope="module")
def clock() -> FixedClock:
    return FixedClock(AUTUMN)


@pytest.fixture(scope="module")
def product(clock: FixedClock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Composition]]:
    Channel.queues.clear()
    environment = {"SAMKLANG_VAR": str(tmp_path_factory.mktemp("places")), "PORT": str(free_port())}
    made: dict[str, Composition] = {}
    for service in SERVICES:
        settings = read_settings(service, environment)
        made[service] = import_module(f"services.{service}.wiring").compose(settings, clock)
        migrate(made[service].parts.storage, service)
    process = Process(list(made.values()), listen_on("127.0.0.1", int(environment["PORT"])))
    process.start()
    running.load_into({name: each.parts.storage for name, each in made.items()}, COUNTY_FOLDER, demo=True)
    yield made
    process.stop()
    Channel.queues.clear()


def until(holds: Callable[[], Any], seconds: float = 30) -> Any:
    for _ in range(int(seconds * 10)):
        found = holds()
        if found:
            return found
        eventlet.sleep(0.1)
    raise AssertionError(f"did not come true within {seconds} s: {holds}")


class Api:
    """Billing's API as the finance staff of a municipality."""

    def __init__(self, product: dict[str, Composition], municipality: str) -> None:
        self._client = client_of(product["billing"])
        self._headers = bearer(product["billing"], role="finance", municipality=municipality)

    def call(self, method: str, path: str, **body: Any) -> Any:
        options: dict[str, Any] = {"json": body} if method != "GET" else {}
        answer = self._client.open(f"/api/billing{path}", method=method, headers=self._headers, **options)
        assert answer.status_code == 200, answer.text
        return answer.get_json()


def place_of(product: dict[str, Composition]) -> sa.Row[Any]:
    """A place elsewhere of a pupil from Norberg who is not protected."""
    with product["enrolment"].parts.storage.reading() as connection:
        return connection.execute(
            sa.text(
                "SELECT a.application_id, a.pupil_id, c.municipality_code AS host FROM applications a "
                "JOIN pupils p USING (pupil_id) JOIN courses c USING (course_id) "
                "WHERE a.state = 'placed' AND NOT p.protected AND p.home_municipality = '1962' "
                "AND c.municipality_code NOT IN ('1962', '1980') ORDER BY a.application_id LIMIT 1"
            )
        ).one()


def pairs(api: Api) -> dict[tuple[str, str], int]:
    (term,) = api.call("GET", "/years/2027/flow")["terms"]
    found = {(each["home"], each["host"]): each["thousandths"] for each in term["places"]}
    assert sum(found.values()) + 1000 * term["not_shown"] == 1000 * term["all_places"]
    return found


def test_1_staff_record_a_move_within_the_term_and_the_place_is_split(
    product: dict[str, Composition], clock: FixedClock
) -> None:
    region = Api(product, "19")
    before = pairs(region)
    place = place_of(product)
    clock.time = IN_TERM
    staff = client_of(product["enrolment"])
    token = sign_in(staff, product["enrolment"], role="staff", municipality="1962")
    form = {"municipality": "1980", "moved_on": "2027-03-01", "why": "moved with the family"}
    answer = staff.post(f"/staff/pupils/{place.pupil_id}/move", data={"csrf_token": token, **form})
    assert answer.status_code == 303, answer.text
    after = until(lambda: (now := pairs(region)) != before and now)
    # 18 January to 28 February are 42 of 138 days.
    assert after[("1962", place.host)] == before[("1962", place.host)] - 696
    assert after[("1980", place.host)] == before.get(("1980", place.host), 0) + 696
    facts = region.call("GET", f"/flow/{TERM}/1980/{place.host}")["places"]
    split = next(each for each in facts if each["application_id"] == place.application_id)
    assert (split["first_on"], split["days"], split["thousandths"]) == ("2027-03-01", 96, 696)


def test_2_the_move_of_a_protected_pupil_is_told_to_nobody(product: dict[str, Composition]) -> None:
    region, enrolment = Api(product, "19"), product["enrolment"]
    not_shown = region.call("GET", "/years/2027/flow")["terms"][0]["not_shown"]
    staff = client_of(enrolment)
    headers = bearer(enrolment, role="staff", municipality="1980")
    courses = staff.get("/api/enrolment/courses", headers=headers).get_json()["courses"]
    fiddle = next(each["course_id"] for each in courses if "Lördagsfiol" in str(each))
    clover = {
        **{"application_id": new_id(), "pupil_id": new_id(), "personal_identity": identity_of_nine()},
        **{"given_name": "Hemlig", "family_name": "Skyddad", "alias": "Klöver", "protected": True},
        **{"home_municipality": "1962", "applied_on": "2026-11-20", "why": "on paper"},
    }
    path = f"/api/enrolment/courses/{fiddle}/entered-applications"
    entered = staff.post(path, headers=headers, json=clover)
    assert (entered.status_code, entered.get_json()["state"]) == (200, "placed"), entered.text
    until(lambda: region.call("GET", "/years/2027/flow")["terms"][0]["not_shown"] == not_shown + 1)
    seen = pairs(region)
    token = sign_in(staff, enrolment, role="staff", municipality="1962")
    form = {"municipality": "1904", "moved_on": "2027-03-01", "why": "moved with the family"}
    moved = staff.post(f"/staff/pupils/{clover['pupil_id']}/move", data={"csrf_token": token, **form})
    assert moved.status_code == 303, moved.text
    with enrolment.parts.storage.reading() as connection:
        told = sa.text("SELECT count(*) FROM outbox WHERE type LIKE '%pupil_moved%' AND envelope LIKE :who")
        assert connection.scalar(told, {"who": f"%{clover['pupil_id']}%"}) == 0
    with product["billing"].parts.storage.reading() as connection:
        where = {"id": clover["application_id"]}
        row = sa.text(
            "SELECT home_municipality, pupil_id, moved FROM places "
            "JOIN place_subjects USING (application_id) WHERE application_id = :id"
        )
        assert tuple(connection.execute(row, where).one()) == (None, None, 0)
    assert pairs(region) == seen


def identity_of_nine() -> str:
    """A personal identity number, made up, of one who is nine in the term."""
    for last in range(10):
        try:
            return parse_personal_identity(f"20170314239{last}", OVER.date()).number
        except InvalidPersonalIdentity:
            continue
    raise AssertionError("one of ten check digits fits")


def test_3_when_the_term_is_over_homes_owe_hosts_up_to_their_ceilings(
    product: dict[str, Composition], clock: FixedClock
) -> None:
    region, norberg = Api(product, "19"), Api(product, "1962")
    before = pairs(region)
    with product["billing"].parts.storage.reading() as connection:
        kinds = connection.scalars(sa.text("SELECT DISTINCT fee_kind FROM courses")).all()
    prices = [{"kind": kind, "price_ore": 3_000_00} for kind in kinds]
    region.call("PUT", "/agreements/prices", prices=prices)
    norberg.call("PUT", "/years/2027/ceilings/1962", ceiling_ore=20_000_00, decided_by="The board")
    clock.time = OVER
    run_id = region.call("POST", f"/compensations/{TERM}")["run_id"]
    seen = norberg.call("GET", f"/compensations/{TERM}")
    elsewhere = {pair: many for pair, many in before.items() if pair[0] != pair[1]}
    lines: dict[tuple[str, str], int] = {}
    for line in seen["lines"]:
        pair = (line["home"], line["host"])
        lines[pair] = lines.get(pair, 0) + line["thousandths"]
    assert lines == elsewhere
    assert (
        sum(cut["cut_ore"] for cut in seen["cuts"])
        == sum(line["amount_ore"] for line in seen["lines"] if line["home"] == "1962") - 20_000_00
    )
    ids = region.call("POST", f"/compensations/{TERM}/issue", run_id=run_id)["invoice_ids"]
    issued = region.call("GET", f"/compensations/{TERM}")
    assert [each["invoice_id"] for each in issued["invoices"]] == ids
    assert sum(each["amount_ore"] for each in issued["invoices"]) == seen["total_ore"]
    assert {each["payer_code"]: each["amount_ore"] for each in issued["invoices"]}["1962"] == 20_000_00
    ledger = region.call("GET", "/years/2027/ledger")["balances"]
    assert {each["account"]: each["balance_ore"] for each in ledger} == {
        "1513": seen["total_ore"],
        "2452": -seen["total_ore"],
    }


def test_4_families_fees_are_there_for_the_host(product: dict[str, Composition]) -> None:
    sala = Api(product, "1981")
    fees = sala.call("GET", f"/fees/{TERM}/1981")
    assert fees["fees"]
    assert sum(line["amount_ore"] for fee in fees["fees"] for line in fee["lines"]) == fees["total_ore"]
    assert all(re.fullmatch(r"[\w./-]+", rule["rule"]) for rule in fees["by_rule"])


def test_5_all_of_it_agrees(product: dict[str, Composition]) -> None:
    """Mail that was waiting when the clock was moved goes out first."""
    for service, each in product.items():
        until(lambda each=each, service=service: _all_is_well(each.parts.storage, service), seconds=60)


def _all_is_well(storage: Storage, service: str) -> bool:
    now = figures.figures(storage, service)
    with storage.reading() as connection:
        found = [
            *consistency.check(connection, service),
            *import_module(f"services.{service}.checks").check(connection),
        ]
    return (now.outbox_backlog, now.inbox_backlog, now.parked, found) == (0, 0, 0, [])
