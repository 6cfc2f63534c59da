from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY

from services.billing.checks import check
from services.billing.commands import compensation as commands
from services.billing.commands.agreements import set_ceiling
from services.billing.commands.allocations import move
from services.billing.commands.desk import Desk
from services.billing.commands.ledger import Entry, book_by_hand, close_month
from services.billing.commands.payments import record_payment
from services.billing.commands.price_lists import set_prices
from services.billing.configuration import configuration_from
from services.billing.copy_tables import places
from services.billing.domain.agreements import Price
from services.billing.domain.matching import Allocation
from services.billing.invoice_papers import einvoice_of
from services.billing.peppol.rules import checked
from services.billing.queries import compensation as queries
from services.billing.queries import ledger as ledger_queries
from services.billing.queries.compensation import Run
from services.billing.queries.invoices import Invoice
from services.billing.queries.reconciliation import reconciliation
from services.billing.tables import invoices, postings
from services.chassis.ids import new_id
from services.chassis.refusals import Refused
from services.chassis.settings import COUNTY_FOLDER
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import TermOpened
from services.contracts.fact import LocalText
from tests.billing import booking
from tests.billing.test_reactions import course_fact, ended, moved, place, tell

BOOKS = configuration_from(COUNTY_FOLDER / "chart.yaml")
CHART, BY = BOOKS.chart, "a test"
# Over on 24 November 2026, the day of the tests' clock.
SPRING = TermOpened(
    "vt26", LocalText("VT 2026", "Spring 2026"), date(2026, 1, 12), date(2026, 6, 11), None, None
)
AUTUMN = replace(SPRING, term_id="ht26", starts_on=date(2026, 8, 17), ends_on=date(2026, 10, 30))
GIVEN = datetime(2025, 12, 1, 12, tzinfo=UTC)
PRICES = [Price("ensemble", 500_00), Price("instrument", 3_000_00)]


def given(number: int, home: str | None, host: str, *, term: str = "vt26", course: str = "violin"):
    return replace(place(number, home, host, term), given_at=GIVEN, course_id=course)


@pytest.fixture
def over(storage: Storage) -> Storage:
    """A term that is over: two of Norberg in Västerås, one of them moved to Surahammar, and one protected."""
    tell(
        storage,
        *(SPRING, AUTUMN, course_fact("violin", "instrument"), course_fact("choir", "ensemble")),
        *(given(1, "1962", "1980"), given(2, "1962", "1980"), given(3, "1962", "1904", course="choir")),
        *(given(4, None, "1980"), given(5, "1980", "1980"), given(6, "1984", "1980")),
        moved(2, "1962", "1907", date(2026, 3, 1)),
        replace(ended(6), ended_at=datetime(2026, 4, 1, tzinfo=UTC)),
    )
    with storage.unit() as unit:
        set_prices(unit, PRICES, BY)
    return storage


def compute(storage: Storage, term: str = "vt26", run_id: str | None = None) -> Run:
    with storage.unit() as unit:
        found = queries.run_by_id(
            unit.connection, commands.compute_compensation(unit, term, BY, run_id=run_id)
        )
    assert found is not None
    return found


def issue(storage: Storage, run: Run, reason: str = "") -> list[str]:
    with storage.unit() as unit:
        return commands.issue_compensation(unit, run.run_id, CHART, BY, reason=reason)


def papers(storage: Storage, term: str = "vt26") -> list[Invoice]:
    with storage.reading() as connection:
        return queries.papers_of_term(connection, queries.runs_of_term(connection, term))


def findings(storage: Storage) -> list[str]:
    with storage.reading() as connection:
        return check(connection)


def refused(storage: Storage, term: str = "vt26") -> str:
    with pytest.raises(Refused) as caught:
        compute(storage, term)
    with storage.reading() as connection:
        assert queries.runs_of_term(connection, term) == []
    return caught.value.refusal.name


def limit(storage: Storage, ore: int, home: str = "1962") -> None:
    with storage.unit() as unit:
        set_ceiling(unit, home, 2026, ore, BY, decided_by="The board")


def test_a_run_freezes_its_basis_and_gives_the_same_bytes_again(over: Storage) -> None:
    run = compute(over)
    # 12 January to 28 February are 48 of 151 days.
    assert [(p.application_id, p.home, p.thousandths) for p in run.basis.parts] == [
        *(("a1", "1962", 1000), ("a2", "1962", 318), ("a2", "1907", 682), ("a3", "1962", 1000)),
    ]
    assert (run.basis.not_shown, run.basis.agreement_version, run.version) == (1, 2, 1)
    assert run.found.by_home_ore() == {"1907": 2_046_00, "1962": 4_454_00}
    assert run.found.by_host_ore() == {"1904": 500_00, "1980": 6_000_00}
    assert run.holds()
    assert compute(over) == run
    assert compute(over, run_id=run.run_id) == run
    tell(over, replace(ended(1), ended_at=datetime(2026, 5, 1, tzinfo=UTC)))
    with over.reading() as connection:
        kept = queries.run_by_id(connection, run.run_id)
    assert kept == run
    assert kept.holds()


def test_invoices_are_issued_and_booked_with_a_debt_to_each_host(over: Storage) -> None:
    run = compute(over)
    ids = issue(over, run)
    assert issue(over, run) == ids
    found = {each.payer_code: each for each in papers(over)}
    assert {code: each.amount_ore for code, each in found.items()} == {"1907": 2_046_00, "1962": 4_454_00}
    norberg = found["1962"]
    assert [line.amount_ore for line in norberg.lines] == [500_00, 3_954_00, 0]
    assert "Västerås, VT 2026: 1,318 platser (instrument) à 3\xa0000,00 kr." in norberg.lines[1].text.sv
    assert (norberg.due_on, norberg.period_first) == (date(2026, 12, 24), SPRING.starts_on)
    assert re.fullmatch(r"2026-000[12]", norberg.number)
    with over.reading() as connection:
        balances = ledger_queries.balances(connection, 2026)
        checked(einvoice_of(connection, norberg, BOOKS.issuer))
    assert balances == {
        CHART.number("receivable_compensation"): 6_500_00,
        CHART.number("compensation_payable"): -6_500_00,
    }
    assert findings(over) == []


def test_the_cut_of_a_ceiling_is_a_line_of_its_own(over: Storage) -> None:
    limit(over, 1_000_00)
    issue(over, compute(over))
    norberg = next(each for each in papers(over) if each.payer_code == "1962")
    assert [line.amount_ore for line in norberg.lines] == [500_00, 3_954_00, -3_454_00, 0]
    assert "Över taket 2026" in norberg.lines[2].text.sv
    with over.reading() as connection:
        sent = einvoice_of(connection, norberg, BOOKS.issuer)
        checked(sent)
    assert sent.payable_ore == 1_000_00
    assert findings(over) == []


def test_a_ceiling_is_for_the_whole_year(over: Storage) -> None:
    limit(over, 5_000_00)
    spring = compute(over)
    tell(over, given(7, "1962", "1980", term="ht26"), first=30)
    autumn = compute(over, "ht26")
    assert spring.found.by_home_ore()["1962"] == 4_454_00
    assert autumn.found.by_home_ore() == {"1962": 546_00}
    assert compute(over).found.by_home_ore()["1962"] == 4_454_00  # what is left is 5 000 - 546


def test_a_ceiling_of_nothing_asks_for_nothing(over: Storage) -> None:
    limit(over, 0)
    run = compute(over)
    assert issue(over, run) == issue(over, run)
    assert [each.payer_code for each in papers(over)] == ["1907"]
    assert findings(over) == []


def test_a_change_gives_a_new_version_whose_deltas_are_credited_and_asked_anew(over: Storage) -> None:
    first = compute(over)
    issue(over, first)
    tell(over, moved(1, "1962", "1907", date(2026, 1, 1)), first=40)
    second = compute(over)
    assert (second.version, second.found.total_ore) == (2, first.found.total_ore)
    with pytest.raises(Refused, match="reason_missing"):
        issue(over, second)
    ids = issue(over, second, "the pupil had moved before the term")
    assert issue(over, second, "again") == ids
    new = [each for each in papers(over) if each.invoice_id in ids]
    assert {(each.payer_code, each.kind, each.amount_ore) for each in new} == {
        ("1962", "credit_note", -4_454_00),
        ("1962", "invoice", 1_454_00),
        ("1907", "credit_note", -2_046_00),
        ("1907", "invoice", 5_046_00),
    }
    assert sum(each.amount_ore for each in new) == 0
    assert all("had moved" in " ".join(line.text.sv for line in each.lines) for each in new)
    with over.reading() as connection:
        for each in new:
            checked(einvoice_of(connection, each, BOOKS.issuer))
    assert findings(over) == []


def test_an_invoice_that_stays_as_it_is_is_left_alone(over: Storage) -> None:
    issue(over, compute(over))
    tell(over, given(8, "1984", "1980"), first=40)
    ids = issue(over, compute(over), "a place was told of late")
    assert [(each.payer_code, each.kind) for each in papers(over) if each.invoice_id in ids] == [
        ("1984", "invoice")
    ]
    assert findings(over) == []


def test_a_home_that_owes_nothing_any_more_is_credited(over: Storage) -> None:
    issue(over, compute(over))
    for number in (1, 2, 3):
        tell(over, replace(ended(number), ended_at=datetime(2026, 2, 1, tzinfo=UTC)), first=40 + number)
    run = compute(over)
    assert run.found.total_ore == 0
    issue(over, run, "the places had ended")
    assert sum(each.amount_ore for each in papers(over)) == 0
    assert findings(over) == []


def test_only_the_newest_version_is_issued(over: Storage) -> None:
    first = compute(over)
    limit(over, 1_000_00)
    compute(over)
    with pytest.raises(Refused, match="run_not_newest"):
        issue(over, first)
    assert papers(over) == []


@pytest.mark.parametrize(
    ("harm", "name"),
    [
        (lambda unit: unit.execute(sa.text("UPDATE terms SET ends_on = '2026-11-24'")), "term_not_over"),
        (lambda unit: set_prices(unit, [], BY), "price_list_missing"),
        (lambda unit: set_prices(unit, PRICES[:1], BY), "price_missing"),
        (lambda unit: unit.execute(sa.text("DELETE FROM courses")), "course_not_known"),
        (
            lambda unit: unit.execute(sa.text("UPDATE places SET ended_at = given_at, moved = FALSE")),
            "nothing_to_compensate",
        ),
        (
            lambda unit: unit.execute(sa.text("UPDATE terms SET starts_on = '2014-12-31'")),
            "agreement_missing",
        ),
    ],
)
def test_what_cannot_be_computed_is_refused_and_nothing_is_kept(over: Storage, harm, name: str) -> None:
    with over.unit() as unit:
        harm(unit)
    assert refused(over) == name


def test_an_unknown_term_and_an_unknown_run_are_refused(over: Storage) -> None:
    assert refused(over, "vt99") == "term_not_known"
    with over.unit() as unit, pytest.raises(Refused, match="compensation_unknown"):
        commands.issue_compensation(unit, new_id(), CHART, BY)


def test_an_id_of_another_term_is_refused(over: Storage) -> None:
    run = compute(over)
    with pytest.raises(Refused, match="run_id_used"):
        compute(over, "ht26", run.run_id)


def test_nothing_is_issued_in_a_closed_month(over: Storage) -> None:
    run = compute(over)
    over.clock.time = datetime(2026, 12, 1, 12, tzinfo=UTC)  # type: ignore[attr-defined]
    with over.unit() as unit:
        close_month(unit, date(2026, 11, 1), BY)
    over.clock.time = datetime(2026, 11, 30, 12, tzinfo=UTC)  # type: ignore[attr-defined]
    with pytest.raises(Refused, match="period_closed"):
        issue(over, run)
    assert papers(over) == []


def test_a_payment_settles_it_and_the_shares_of_the_year_are_as_they_were(over: Storage) -> None:
    """A claim for places stands on its own account: no equation of the cost shares sees it."""
    tell(over, replace(SPRING, starts_on=date(2025, 1, 13), ends_on=date(2025, 6, 11)), first=30)
    booking.open_year(over)
    booking.issue(over, 1)

    def shares() -> object:
        with over.reading() as connection:
            return reconciliation(connection, booking.YEAR, CHART, date(2026, 11, 24))

    before = shares()
    issue(over, compute(over))
    owed = next(each for each in papers(over) if each.payer_code == "1962")
    with over.unit() as unit:
        desk = Desk(unit, CHART, BY)
        payment_id = new_id()
        record_payment(desk, payment_id, 1_000_00, date(2026, 11, 20), "1962", reason="paid at the counter")
        kept = unit.connection.scalar(sa.text("SELECT payment_id FROM payments"))
        move(desk, new_id(), kept, [Allocation(owed.invoice_id, 1_000_00)], "a test")
    paid = next(each for each in papers(over) if each.payer_code == "1962")
    assert (paid.settled_ore, paid.open_ore) == (1_000_00, owed.amount_ore - 1_000_00)
    with over.reading() as connection:
        balances = ledger_queries.balances(connection, booking.YEAR)
    asked = sum(each.amount_ore for each in papers(over))
    assert balances[CHART.number("receivable_compensation")] == asked - 1_000_00
    assert shares() == before
    assert findings(over) == []


def test_claims_for_places_are_not_booked_by_hand(over: Storage) -> None:
    entry = Entry(
        *(
            new_id(),
            2026,
            date(2026, 11, 24),
            CHART.number("receivable_compensation"),
            CHART.number("bank"),
            1,
        ),
        reason="a reason of a test",
    )
    with over.unit() as unit, pytest.raises(Refused, match="account_not_by_hand"):
        book_by_hand(unit, entry, CHART, BY)


def test_a_price_list_is_a_version_of_the_agreement(over: Storage) -> None:
    with over.unit() as unit:
        assert set_prices(unit, list(reversed(PRICES)), BY) == 2
        assert set_prices(unit, PRICES[:1], BY) == 3
        with pytest.raises(Refused, match="price_list_impossible"):
            set_prices(unit, [PRICES[0], PRICES[0]], BY)


@pytest.mark.parametrize(
    ("table", "values", "said"),
    [
        ("compensation_lines", "amount_ore = amount_ore + 1", "not what its frozen basis gives"),
        ("compensation_parts", "thousandths = thousandths - 1", "not what its frozen basis gives"),
        ("postings", "account = account, payer_code = '1984' WHERE payer_code = '1980'", "something else"),
        ("postings", "invoice_id = NULL WHERE payer_code = '1962'", "claims"),
        ("invoices", "compensation_id = NULL", "what they ask for"),
    ],
)
def test_check_sees_what_is_wrong(over: Storage, table: str, values: str, said: str) -> None:
    issue(over, compute(over))
    assert findings(over) == []
    with over.unit() as unit:
        _unguarded(unit, table)
        unit.execute(sa.text(f"UPDATE {table} SET {values}"))
    assert any(said in each for each in findings(over))


def test_an_ore_owed_to_another_host_raises_the_alert(over: Storage) -> None:
    def off() -> float | None:
        findings(over)
        about = {"service": "billing", "equation": "compensation"}
        return REGISTRY.get_sample_value("samklang_imbalance_ore", about)

    issue(over, compute(over))
    assert off() == 0
    with over.unit() as unit:
        _unguarded(unit, "postings")
        unit.execute(sa.text("UPDATE postings SET payer_code = '1984' WHERE payer_code = '1904'"))
    assert off() == 2 * 500_00  # what one host has too little another has too much of


def _unguarded(unit, table: str) -> None:
    """The database refuses such a change; a broken disk would not ask."""
    if unit.connection.dialect.name == "sqlite":
        unit.execute(sa.text(f"DROP TRIGGER {table}_kept_update"))
    else:
        unit.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))


def test_the_database_keeps_a_run_as_it_was(over: Storage) -> None:
    compute(over)
    with pytest.raises(sa.exc.DBAPIError), over.unit() as unit:
        unit.execute(sa.text("UPDATE compensation_lines SET amount_ore = 0"))


def test_a_run_of_a_share_is_none_of_compensation(over: Storage) -> None:
    """Invoices of both kinds share one series without gaps."""
    booking.open_year(over)
    issue(over, compute(over))
    booking.issue(over, 1)
    with over.reading() as connection:
        numbers = sorted(connection.scalars(sa.select(invoices.c.number)))
        assert numbers == list(range(1, len(numbers) + 1))
        claims = sa.select(postings.c.payer_code).where(
            postings.c.account == CHART.number("compensation_payable")
        )
        assert set(connection.scalars(claims)) == {"1904", "1980"}
        assert connection.scalar(sa.select(sa.func.count()).select_from(places)) == 6
    assert findings(over) == []
