from __future__ import annotations

import pytest
import sqlalchemy as sa

from services.billing import checks
from services.billing.payment_tables import payment_allocations, payment_bookings, payments, statements
from services.billing.tables import postings
from services.chassis.storage.engine import Storage
from tests.billing.bank_files import Line, bank_file
from tests.billing.booking import issue, open_year
from tests.billing.test_payments import paying, take


def without_guards(storage: Storage, table: str, statement: sa.Executable) -> None:
    """What only somebody with the database's keys can do."""
    with storage.unit() as unit:
        if storage.is_sqlite:
            unit.execute(sa.text(f"DROP TRIGGER {table}_kept_update"))
        else:
            unit.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        unit.execute(statement)


CHANGES = [
    ("payment_bookings", sa.update(payment_bookings).values(amount_ore=1), "differs from its parts"),
    ("payment_allocations", sa.update(payment_allocations).values(amount_ore=1), "differ from the ledger"),
    ("payments", sa.update(payments).values(amount_ore=1), "differs from its voucher"),
    ("payments", sa.update(payments).values(amount_ore=1), "more is booked of the payment"),
    ("statements", sa.update(statements).values(entries=1), "has 1 entries and brought 2"),
    ("postings", sa.update(postings).values(amount_ore=-1), "differ from the ledger"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "statement", "words"), CHANGES)
def test_an_ore_that_went_astray_is_found(
    storage: Storage, table: str, statement: sa.Executable, words: str
) -> None:
    open_year(storage)
    invoice = issue(storage, 1)[0]
    take(storage, bank_file([paying(invoice), Line("1.00")]))
    with storage.reading() as connection:
        assert checks.check(connection) == []
    without_guards(storage, table, statement)
    with storage.reading() as connection:
        assert any(words in finding for finding in checks.check(connection))
