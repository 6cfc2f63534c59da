from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from services.billing.checks import check
from services.billing.commands import budgets, ledger
from services.billing.commands.ledger import Entry
from services.billing.domain.budgets import Cost
from services.billing.domain.ledger import Posting, Voucher
from services.billing.queries import ledger as queries
from services.billing.queries.budgets import costs_of_year, newest_budget, outcome
from services.billing.queries.ledger import Booked
from services.billing.queries.reconciliation import reconciliation
from services.billing.tables import number_series, postings, vouchers
from services.chassis.ids import new_id
from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from tests.billing import booking
from tests.billing.booking import BY, CHART, YEAR

TODAY = date(2026, 11, 24)


def entry(**changes: object) -> Entry:
    values: dict[str, object] = {
        "voucher_id": new_id(),
        "year": YEAR,
        "booked_on": date(2026, 10, 5),
        "debit": CHART.number("cost_other"),
        "credit": CHART.number("bank"),
        "amount_ore": 100_00,
        "reason": "the bank's fee",
    }
    return Entry(**{**values, **changes})  # type: ignore[arg-type]  # the values above, changed


def by_hand(storage: Storage, **changes: object) -> str:
    what = entry(**changes)
    with storage.unit() as unit:
        ledger.book_by_hand(unit, what, CHART, BY)
    return what.voucher_id


def booked(storage: Storage) -> list[Booked]:
    with storage.reading() as connection:
        return queries.vouchers_of_year(connection, YEAR)


def raw_voucher(voucher_id: str, number: int = 1) -> dict[str, object]:
    return {
        "voucher_id": voucher_id,
        "series": "voucher:2026",
        "number": number,
        "booked_on": TODAY,
        "kind": "manual",
        "year": YEAR,
        "text": "a voucher",
        "booked_by": BY,
        "booked_at": sa.func.now(),
    }


def raw_postings(voucher_id: str, *amounts: int) -> list[dict[str, object]]:
    return [
        {"voucher_id": voucher_id, "line": line, "account": "1940", "amount_ore": ore}
        for line, ore in enumerate(amounts, start=1)
    ]


@pytest.mark.parametrize("amounts", [(100, -99), (100,), ()])
def test_the_database_refuses_a_voucher_that_does_not_balance(
    storage: Storage, amounts: tuple[int, ...]
) -> None:
    name = new_id()
    with pytest.raises(sa.exc.DBAPIError), storage.unit() as unit:
        if amounts:
            unit.execute(sa.insert(postings), raw_postings(name, *amounts))
        unit.execute(sa.insert(vouchers).values(**raw_voucher(name)))
    assert booked(storage) == []


def test_the_database_refuses_postings_without_a_voucher(storage: Storage) -> None:
    with pytest.raises(sa.exc.DBAPIError), storage.unit() as unit:
        unit.execute(sa.insert(postings), raw_postings(new_id(), 100, -100))


def test_the_database_refuses_postings_after_the_voucher(storage: Storage) -> None:
    name = by_hand(storage)
    with pytest.raises(sa.exc.DBAPIError), storage.unit() as unit:
        rows = raw_postings(name, 5, -5)
        unit.execute(sa.insert(postings), [{**row, "line": n} for n, row in enumerate(rows, start=8)])


@pytest.mark.parametrize("table", [vouchers, postings])
@pytest.mark.parametrize("change", ["update", "delete"])
def test_the_database_refuses_to_change_what_is_booked(
    storage: Storage, table: sa.Table, change: str
) -> None:
    by_hand(storage)
    column = {"vouchers": "text", "postings": "account"}[table.name]
    statement = sa.delete(table) if change == "delete" else sa.update(table).values({column: "x"})
    with pytest.raises(sa.exc.DBAPIError), storage.unit() as unit:
        unit.execute(statement)


def test_the_database_refuses_a_voucher_in_a_closed_month(storage: Storage) -> None:
    by_hand(storage)
    with storage.unit() as unit:
        ledger.close_month(unit, date(2026, 10, 31), BY)
    name = new_id()
    with pytest.raises(sa.exc.DBAPIError), storage.unit() as unit:
        unit.execute(sa.insert(postings), raw_postings(name, 1, -1))
        values = {**raw_voucher(name, 9), "booked_on": date(2026, 10, 5)}
        unit.execute(sa.insert(vouchers).values(**values))


def test_a_closed_month_says_who_closed_it_and_offers_an_open_day(storage: Storage) -> None:
    by_hand(storage)
    with storage.unit() as unit:
        ledger.close_month(unit, date(2026, 10, 31), BY)
    with pytest.raises(Refused) as caught:
        by_hand(storage)
    assert (caught.value.refusal.name, caught.value.refusal.facts["open"]) == (
        "period_closed",
        date(2026, 11, 1),
    )
    with storage.reading() as connection:
        (closing,) = queries.closings(connection).values()
        assert (closing.month, closing.closed_by) == (date(2026, 10, 1), BY)
        assert check(connection) == []
    by_hand(storage, booked_on=caught.value.refusal.facts["open"])
    assert [each.number for each in booked(storage)] == [2, 1]


@pytest.mark.parametrize(
    ("month", "name"), [(date(2026, 11, 1), "month_not_over"), (date(2026, 10, 1), "month_closed_already")]
)
def test_a_month_is_closed_once_and_when_it_is_over(storage: Storage, month: date, name: str) -> None:
    with storage.unit() as unit:
        ledger.close_month(unit, date(2026, 10, 1), BY)
    with pytest.raises(Refused) as caught, storage.unit() as unit:
        ledger.close_month(unit, month, BY)
    assert caught.value.refusal.name == name


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"debit": "9999"}, "account_unknown"),
        ({"debit": CHART.receivables[0]}, "account_not_by_hand"),
        ({"reason": "  x "}, "reason_missing"),
        ({"amount_ore": 0}, "voucher_not_balanced"),
        ({"booked_on": date(2026, 11, 25)}, "voucher_in_future"),
    ],
)
def test_what_cannot_be_booked_is_refused(storage: Storage, changes: dict[str, object], name: str) -> None:
    with pytest.raises(Refused) as caught:
        by_hand(storage, **changes)
    assert caught.value.refusal.name == name
    assert booked(storage) == []
    with storage.reading() as connection:
        assert connection.execute(sa.select(number_series)).all() == []


def test_a_voucher_again_is_the_same_and_another_under_its_id_is_refused(storage: Storage) -> None:
    name = by_hand(storage)
    by_hand(storage, voucher_id=name)
    with pytest.raises(Refused) as caught:
        by_hand(storage, voucher_id=name, amount_ore=5)
    assert caught.value.refusal.name == "voucher_id_used"
    assert len(booked(storage)) == 1


def test_a_reversal_is_the_opposite_and_happens_once(storage: Storage) -> None:
    name = by_hand(storage)
    with storage.unit() as unit:
        ledger.reverse(unit, name, CHART, BY, new_id=new_id(), reason="booked twice")
    reversal, original = booked(storage)
    assert reversal.corrects_id == original.voucher_id
    assert [p.amount_ore for p in reversal.postings] == [-p.amount_ore for p in original.postings]
    with pytest.raises(Refused) as caught, storage.unit() as unit:
        ledger.reverse(unit, name, CHART, BY, new_id=new_id(), reason="booked twice")
    assert caught.value.refusal.name == "voucher_reversed"


def test_an_invoice_is_not_reversed_in_the_ledger(storage: Storage) -> None:
    booking.open_year(storage)
    first = booking.issue(storage, 1)[0]
    with pytest.raises(Refused) as caught, storage.unit() as unit:
        ledger.reverse(unit, first.voucher_id, CHART, BY, new_id=new_id(), reason="not so")
    assert caught.value.refusal.name == "voucher_not_by_hand"


def test_a_payment_in_the_ledger_closes_an_invoice(storage: Storage) -> None:
    """As importing payments books it: against the claim of an invoice."""
    booking.open_year(storage)
    invoice = next(each for each in booking.issue(storage, 1) if each.payer_code == "1962")
    sides = (
        Posting(CHART.number("bank"), 2_000_00),
        Posting(CHART.receivable_of("1962"), -2_000_00, "1962", invoice.invoice_id),
    )
    with storage.unit() as unit:
        ledger.book(unit, Voucher(new_id(), TODAY, "payment", YEAR, "a payment", sides), CHART, BY)
    paid = next(each for each in booking.issued(storage) if each.invoice_id == invoice.invoice_id)
    assert (paid.open_ore, paid.state(TODAY)) == (511_86, "partly_paid")
    with storage.reading() as connection:
        found = reconciliation(connection, YEAR, CHART, TODAY)
    row = next(row for row in found.rows if row.code == "1962")
    assert (row.paid_ore, row.open_ore, row.balance_ore) == (2_000_00, 511_86, 511_86)
    assert found.agrees
    assert found.ageing_ore["1962"] == {"not_due": 511_86}


def cost(**changes: object) -> Cost:
    values: dict[str, object] = {
        "cost_id": new_id(),
        "year": YEAR,
        "kind": "festival",
        "host_code": "1981",
        "amount_ore": 40_000_00,
        "spent_on": date(2025, 5, 10),
        "text": "Scen och ljud",
    }
    return Cost(**{**values, **changes})  # type: ignore[arg-type]  # the values above, changed


def test_an_approved_cost_is_booked_as_owed_to_its_host(storage: Storage) -> None:
    booking.open_year(storage)
    spent, other = cost(), cost(text="Affischer", amount_ore=5_000_00)
    with storage.unit() as unit:
        for each in (spent, spent, other):
            budgets.report_cost(unit, each, BY)
        for _again in range(2):
            budgets.decide_cost(unit, spent.cost_id, CHART, BY, approved=True)
        budgets.decide_cost(unit, other.cost_id, CHART, BY, approved=False, reason="not of the festival")
    (voucher,) = booked(storage)
    assert voucher.postings == (
        Posting(CHART.number("cost_festival"), 40_000_00),
        Posting(CHART.number("hosts_payable"), -40_000_00, "1981"),
    )
    with storage.reading() as connection:
        budget = newest_budget(connection, YEAR)
        assert budget is not None
        lines = {line.kind: line for line in outcome(budget, costs_of_year(connection, YEAR))}
    assert (lines["festival"].approved_ore, lines["festival"].left_ore) == (40_000_00, 110_000_00)
    with pytest.raises(Refused) as caught, storage.unit() as unit:
        budgets.decide_cost(unit, spent.cost_id, CHART, BY, approved=False, reason="changed our mind")
    assert caught.value.refusal.name == "cost_decided"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"amount_ore": 0}, "cost_not_positive"),
        ({"host_code": "19"}, "host_code_invalid"),
        ({"kind": "other"}, "cost_without_budget_line"),
        ({"spent_on": date(2024, 12, 31)}, "cost_day_impossible"),
        ({"year": 2024, "spent_on": date(2024, 5, 1)}, "cost_without_budget_line"),
    ],
)
def test_a_cost_that_cannot_be_is_refused(storage: Storage, changes: dict[str, object], name: str) -> None:
    booking.open_year(storage)
    with pytest.raises(Refused) as caught, storage.unit() as unit:
        budgets.report_cost(unit, cost(**changes), BY)
    assert caught.value.refusal.name == name
