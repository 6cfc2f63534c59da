"""An öre that went astray is named by `samklang check`, and the metric behind the alert says it in öre."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY

from services.billing.checks import check
from services.billing.imbalances import EQUATIONS
from services.billing.payment_tables import payment_allocations, payment_bookings
from services.billing.tables import invoice_lines, invoices, postings, share_run_parts
from services.chassis.process import Composition
from services.chassis.storage.engine import Storage
from tests.billing import booking
from tests.billing.bank_files import bank_file
from tests.billing.test_invoicing import revise
from tests.billing.test_payment_checks import without_guards
from tests.billing.test_payments import paying, take


def off() -> dict[str, float]:
    """What the metric says, without the equations that hold."""
    said = {
        name: REGISTRY.get_sample_value("samklang_imbalance_ore", {"service": "billing", "equation": name})
        for name in EQUATIONS
    }
    return {name: ore for name, ore in said.items() if ore}


def findings(storage: Storage) -> list[str]:
    with storage.reading() as connection:
        return check(connection)


@pytest.fixture
def books(storage: Storage) -> Storage:
    """A year with an instalment of which one invoice is paid."""
    booking.open_year(storage)
    invoice = booking.issue(storage, 1)[0]
    take(storage, bank_file([paying(invoice)]))
    assert (findings(storage), off()) == ([], {})
    return storage


def one_more(table: sa.Table, column: sa.Column[int], where: sa.ColumnElement[bool]) -> sa.Update:
    return sa.update(table).where(where).values({column: column + 1})


def unpaid(storage: Storage) -> str:
    return next(each.invoice_id for each in booking.issued(storage) if not each.settled_ore)


def test_an_invoice_that_asks_for_an_ore_more_than_the_ledger_has(books: Storage) -> None:
    which = unpaid(books)
    without_guards(
        books, "invoices", one_more(invoices, invoices.c.amount_ore, invoices.c.invoice_id == which)
    )
    lines = one_more(invoice_lines, invoice_lines.c.amount_ore, invoice_lines.c.invoice_id == which)
    without_guards(books, "invoice_lines", lines)
    said = findings(books)
    assert "2025: what is invoiced and not credited is 1 öre off the ledger" in said
    assert any("differs from the ledger by -1 öre" in each for each in said)
    assert off() == {"shares": 1, "ledger": 1, "open": 1}


def test_an_ore_of_the_ledger_that_nobody_was_asked_for(books: Storage) -> None:
    where = sa.and_(postings.c.invoice_id == unpaid(books), postings.c.amount_ore > 0)
    without_guards(books, "postings", one_more(postings, postings.c.amount_ore, where))
    said = findings(books)
    assert "2025: the debit of vouchers is 1 öre off their credit" in said
    # What does not balance is not handed over, so accounting is told nothing of it.
    assert {name: off()[name] for name in ("ledger", "open", "vouchers")} == {
        "ledger": 1,
        "open": 1,
        "vouchers": 1,
    }
    assert off()["sie"] == 250_000_01 - sum(each.settled_ore for each in booking.issued(books))


def test_a_payment_that_put_an_ore_more_on_an_invoice_than_the_ledger_knows(books: Storage) -> None:
    for table in (payment_allocations, payment_bookings):
        without_guards(books, table.name, one_more(table, table.c.amount_ore, sa.true()))
    assert any("is 1 öre off the open claims" in each for each in findings(books))
    assert off() == {"open": 1}


def test_an_ore_moved_from_one_payer_to_another_is_no_balance(books: Storage) -> None:
    with books.unit() as unit:
        for code, ore in (("1962", 1), ("1980", -1)):
            values = {"share_ore": share_run_parts.c.share_ore + ore}
            unit.execute(
                sa.update(share_run_parts).where(share_run_parts.c.payer_code == code).values(values)
            )
    said = findings(books)
    assert off() == {"shares": 2}
    assert any(each.startswith("2025: the shares are 2 öre off") for each in said)


def test_a_correction_that_waits_is_seen_until_it_is_issued(books: Storage) -> None:
    revise(books, "1981", 22_900)
    assert any("see the year's correction" in each for each in findings(books))
    assert set(off()) == {"shares"}
    booking.correct(books)
    assert (findings(books), off()) == ([], {})


def test_the_watch_of_the_running_service_tells_the_metric(composition: Composition) -> None:
    storage = composition.parts.storage
    booking.open_year(storage)
    booking.issue(storage, 1)
    composition.parts.watch.run_once()
    assert off() == {}
    with storage.unit() as unit:
        unit.execute(
            one_more(share_run_parts, share_run_parts.c.share_ore, share_run_parts.c.payer_code == "1962")
        )
    composition.parts.watch.run_once()
    assert off() == {"budget": 1, "shares": 1}
    assert any("is 1 öre off" in each for each in composition.parts.watch.findings)
