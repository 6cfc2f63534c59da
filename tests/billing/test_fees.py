from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import pytest
import sqlalchemy as sa
from openpyxl import load_workbook
from werkzeug.test import Client

from services.billing.checks import check
from services.billing.queries.fees import fee_basis, hosts_and_terms
from services.chassis.process import Composition
from services.chassis.storage.engine import Storage
from services.contracts.enrolment import PlacePriced
from services.contracts.fact import LocalText
from services.contracts.price import PriceLine
from tests.billing.test_pages import words
from tests.billing.test_reactions import NOON, TERM, ended, place, tell
from tests.web import bearer, client_of, sign_in

HERE = "/finance/fees/vt27/1980"
FEE = PriceLine("book/fees/instrument", LocalText("Instrument", "Instrument"), 850_00)
SIBLING = PriceLine("book/pricing/second_child", LocalText("Andra barnet", "The second child"), -425_00)
RENTAL = PriceLine("book/pricing/rental", LocalText("Hyra", "Rental"), 380_00)
VOUCHER = PriceLine("book/pricing/voucher", LocalText("Fritidskort", "Fritidskort"), -500_00)


def priced(number: int, *lines: PriceLine, child: int = 1, home: str | None = "1962") -> PlacePriced:
    return PlacePriced(
        application_id=f"a{number}",
        course_id="course",
        pupil_id=f"p{number}",
        guardian_id=None if home is None else f"g{number}",
        home_municipality=home,
        host_municipality="1980",
        term_id="vt27",
        rule_book_id="book",
        lines=lines,
        total_ore=sum(line.amount_ore for line in lines),
        child_number=child,
        course_number=1,
        rents="violin" if RENTAL in lines else None,
        rental_ore=RENTAL.amount_ore if RENTAL in lines else 0,
        voucher_ore=-VOUCHER.amount_ore if VOUCHER in lines else 0,
        priced_at=NOON,
    )


@pytest.fixture
def told(storage: Storage) -> Storage:
    """Two of a family, one with rental and Fritidskort, a protected one, one that left, one unpriced."""
    tell(
        storage,
        *(TERM, *(place(number, "1962", "1980") for number in (1, 2, 4, 5)), place(3, None, "1980")),
        place(6, "1962", "1904"),
        *(priced(1, FEE), priced(2, FEE, SIBLING, RENTAL, VOUCHER, child=2), priced(3, FEE, home=None)),
        *(priced(4, FEE), replace(ended(4), cost_ore=200_00)),
    )
    return storage


def test_the_basis_has_every_line_with_its_rule(told: Storage) -> None:
    with told.reading() as connection:
        basis = fee_basis(connection, "vt27", "1980")
    assert [(fee.application_id, fee.total_ore, fee.outcome) for fee in basis.fees] == [
        *(("a1", 850_00, None), ("a2", 305_00, None), ("a3", 850_00, None), ("a4", 200_00, "withdrawn")),
    ]
    assert all(fee.sums_exactly for fee in basis.fees)
    assert basis.unpriced == 1
    assert [(each.rule, each.count, each.amount_ore) for each in basis.by_rule] == [
        ("book/fees/instrument", 3, 2_550_00),
        ("book/pricing/rental", 1, 380_00),
        ("book/pricing/second_child", 1, -425_00),
        ("book/pricing/voucher", 1, -500_00),
        ("withdrawal", 1, 200_00),
    ]
    assert sum(each.amount_ore for each in basis.by_rule) == basis.total("total_ore") == 2_205_00
    assert basis.fees_ore == 2_205_00 - 380_00 + 500_00
    assert [(each.child_number, each.count) for each in basis.by_step] == [(1, 2), (2, 1)]


def test_totals_of_a_host_are_its_basis(told: Storage) -> None:
    with told.reading() as connection:
        rows = {each.host: each for each in hosts_and_terms(connection, None)}
        limited = hosts_and_terms(connection, ["1904"])
    assert (rows["1980"].places, rows["1980"].unpriced, rows["1980"].total_ore) == (4, 1, 2_205_00)
    assert (rows["1904"].places, rows["1904"].unpriced, rows["1904"].total_ore) == (1, 1, 0)
    assert [each.host for each in limited] == ["1904"]


def test_the_newest_price_holds_and_an_older_one_told_again_changes_nothing(told: Storage) -> None:
    tell(told, priced(1, FEE, RENTAL), first=50)
    tell(told, priced(1, FEE), first=20)
    tell(told, priced(1, FEE, RENTAL), first=50)
    with told.reading() as connection:
        first = fee_basis(connection, "vt27", "1980").fees[0]
    assert [line.rule for line in first.lines] == [FEE.rule, RENTAL.rule]
    assert (first.total_ore, first.rents) == (1_230_00, "violin")


def test_a_price_may_come_before_its_place_and_an_end_after_the_term_changes_nothing(empty: Storage) -> None:
    late = replace(ended(1), ended_at=datetime(2027, 7, 1, tzinfo=UTC), outcome="not_renewed")
    tell(empty, priced(1, FEE), TERM, place(1, "1962", "1980"), late)
    with empty.reading() as connection:
        assert [fee.total_ore for fee in fee_basis(connection, "vt27", "1980").fees] == [850_00]


def test_a_place_that_ends_without_cost_is_not_in_the_basis(told: Storage) -> None:
    tell(told, ended(1), first=60)
    with told.reading() as connection:
        assert "a1" not in {fee.application_id for fee in fee_basis(connection, "vt27", "1980").fees}


def test_a_home_that_is_protected_later_hides_the_guardian_too(told: Storage) -> None:
    tell(told, place(1, None, "1980"), first=60)
    with told.reading() as connection:
        fee = fee_basis(connection, "vt27", "1980").fees[0]
    assert (fee.home, fee.guardian_id, fee.total_ore) == (None, None, 850_00)


def test_check_sees_a_price_that_is_not_its_lines(told: Storage) -> None:
    with told.unit() as unit:
        unit.execute(sa.text("UPDATE place_fees SET total_ore = total_ore - 1 WHERE application_id = 'a1'"))
    with told.reading() as connection:
        assert check(connection) == ["the price of the place a1 differs from its lines by -1 öre"]


@pytest.fixture
def client(told: Storage, composition: Composition) -> Client:
    client = client_of(composition)
    client.set_cookie("samklang_language", "en")
    return client


def test_a_host_sees_its_own_fees_with_totals(client: Client, composition: Composition) -> None:
    sign_in(client, composition, role="finance", municipality="1980")
    overview = client.get("/finance/fees")
    assert "Västerås 4 1 2,205.00" in words(overview)
    assert "/finance/fees/vt27/1904" not in overview.text
    page = words(client.get(HERE))
    assert "1 place has no price yet" in page
    assert "The second child 1 −425.00" in page
    assert "Child 2 1 305.00" in page
    assert "not shown" in page
    assert "g3" not in page
    assert client.get("/finance/fees/vt27/1904").status_code == 403


def test_the_county_sees_all_and_others_nothing(client: Client, composition: Composition) -> None:
    sign_in(client, composition, role="finance", municipality="19")
    assert "Västerås 4 1 2,205.00" in words(client.get("/finance/fees"))
    assert "has no price yet" in words(client.get("/finance/fees/vt27/1904"))
    assert "No fees" in words(client.get("/finance/fees/vt27/1961"))
    for path in ("vt99/1980", "vt27/1999", "vt27/19"):
        assert client.get(f"/finance/fees/{path}").status_code == 404
    sign_in(client, composition, role="finance", municipality="1962")
    for path in (HERE, f"{HERE}/fees.csv", f"{HERE}/fees.xlsx"):
        assert client.get(path).status_code == 403
    sign_in(client, composition, role="staff", municipality="1980")
    for path in (HERE, "/finance/fees"):
        assert client.get(path).status_code == 403


def test_files_have_every_line_and_no_protected_person(client: Client, composition: Composition) -> None:
    sign_in(client, composition, role="finance", municipality="1980")
    text = client.get(f"{HERE}/fees.csv").data.decode("utf-8-sig")
    rows = [line.split(";") for line in text.split("\r\n")[1:-1]]
    assert [row[2] for row in rows] == ["a1", "a2", "a2", "a2", "a2", "a3", "a4"]
    assert sum(int(row[12].replace(",", "")) for row in rows) == 2_205_00
    assert rows[5][3] == rows[5][4] == "Visas inte (skyddade uppgifter)"
    assert "book/pricing/second_child" in rows[2]
    book = load_workbook(BytesIO(client.get(f"{HERE}/fees.xlsx").data))
    places, lines, rules = (list(sheet.values) for sheet in book.worksheets)
    assert (len(places), len(lines), len(rules)) == (5, 8, 6)
    assert [row[10:] for row in places[1:3]] == [(850, 0, 0, 850), (805, 380, 500, 305)]


def test_the_api_says_the_same(client: Client, composition: Composition) -> None:
    own = bearer(composition, role="finance", municipality="1980")
    found = client.get("/api/billing/fees/vt27/1980", headers=own).get_json()
    assert (found["total_ore"], found["voucher_ore"], found["unpriced"]) == (2_205_00, 500_00, 1)
    assert [fee["guardian_id"] for fee in found["fees"]] == ["g1", "g2", None, "g4"]
    assert found["fees"][1]["lines"][1]["text"] == "The second child"
    assert client.get("/api/billing/fees/vt27/1980/fees.csv", headers=own).status_code == 200
    other = bearer(composition, role="finance", municipality="1962")
    assert client.get("/api/billing/fees/vt27/1980", headers=other).status_code == 403
    assert client.get("/api/billing/fees/vt27/1980").status_code == 401
