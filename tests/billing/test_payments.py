from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DatabaseError

from services.billing import checks, county
from services.billing.commands import allocations, payments, returns
from services.billing.commands.desk import Desk
from services.billing.commands.ledger import close_month
from services.billing.domain.matching import Allocation
from services.billing.payment_tables import payments as payment_table
from services.billing.queries import invoices, ledger
from services.billing.queries import payments as queries
from services.billing.queries.invoices import Invoice
from services.chassis.clock import FixedClock
from services.chassis.ids import new_id
from services.chassis.refusals import Refused
from services.chassis.settings import COUNTY_FOLDER
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate
from tests.billing.bank_files import ACCOUNT, Line, Part, bank_file
from tests.billing.booking import BY, CHART, YEAR, issue, issued, open_year
from tests.billing.conftest import register_municipalities


@pytest.fixture
def invoices_of_1(storage: Storage) -> dict[str, Invoice]:
    """The first instalment's invoices by payer."""
    open_year(storage)
    return {each.payer_code: each for each in issue(storage, 1)}


def kronor(ore: int) -> str:
    return f"{ore // 100}.{ore % 100:02d}"


def take(storage: Storage, content: bytes) -> payments.Imported:
    with storage.unit() as unit:
        return payments.import_statement(Desk(unit, CHART, BY), content, ACCOUNT)


def act(storage: Storage, do: Callable[[Desk], None]) -> None:
    with storage.unit() as unit:
        do(Desk(unit, CHART, BY))


def put(
    storage: Storage, payment_id: str, invoice_id: str, ore: int, booking_id: str = "", kind: str = "manual"
) -> None:
    asked = [Allocation(invoice_id, ore)]
    act(
        storage,
        lambda desk: allocations.move(desk, booking_id or new_id(), payment_id, asked, "by hand", kind=kind),
    )


def elsewhere(storage: Storage, payment_id: str, role: str, ore: int) -> None:
    account = CHART.number(role)
    act(
        storage,
        lambda desk: allocations.book_elsewhere(desk, new_id(), payment_id, account, ore, reason="because"),
    )


def kept(storage: Storage) -> list[queries.Kept]:
    with storage.reading() as connection:
        return queries.every_payment(connection)


def open_of(storage: Storage, invoice: Invoice) -> int:
    with storage.reading() as connection:
        return invoices.invoice(connection, invoice.invoice_id).open_ore


def balance(storage: Storage, role: str) -> int:
    with storage.reading() as connection:
        return sum(ledger.balances(connection, year).get(CHART.number(role), 0) for year in range(2024, 2028))


def holds(storage: Storage) -> None:
    with storage.reading() as connection:
        assert checks.check(connection) == []


def paying(invoice: Invoice, ore: int | None = None, **changes: object) -> Line:
    amount = kronor(invoice.amount_ore if ore is None else ore)
    part = Part(amount, invoice.reference, **changes)  # type: ignore[arg-type]  # free changes
    return Line(amount, [part], bank_reference=f"B-{invoice.number}-{amount}")


def test_a_file_with_every_kind_of_payment(storage: Storage, invoices_of_1: dict[str, Invoice]) -> None:
    norberg, sala, arboga = (invoices_of_1[code] for code in ("1962", "1981", "1984"))
    kung = invoices_of_1["1960"]
    owed = kronor(kung.amount_ore)
    content = bank_file(
        [
            paying(norberg),
            paying(sala, sala.amount_ore - 100),
            paying(arboga, arboga.amount_ore + 250),
            Line(owed, [Part(owed, payer="Kungsörs kommun", payer_number="2120002056")]),
            Line("12.34", [Part("12.34", payer="Okänd AB", payer_number="")]),
            Line("50.00", [Part("50.00", currency="EUR")], currency="EUR"),
            Line("7.00", credit=False),
            Line("8.00", [Part("8.00", returned=True)], credit=False),
            Line("1.00", status="PDNG"),
        ]
    )  # fmt: skip
    done = take(storage, content)
    assert (done.again, done.statements, done.payments, done.booked, done.waiting, done.pending) == (
        False, 1, 8, 3, 5, 1,
    )  # fmt: skip
    found = {each.outcome: each for each in kept(storage)}
    assert set(found) == {
        "exact", "partial", "over", "suggested", "unknown", "foreign_currency", "outgoing",
        "reversal_unknown",
    }  # fmt: skip
    assert [open_of(storage, each) for each in (norberg, sala, arboga)] == [0, 100, 0]
    assert (found["over"].rest_ore, found["over"].payer_code) == (250, "1984")
    assert (found["suggested"].rest_ore, found["suggested"].payer_code) == (kung.amount_ore, "1960")
    assert (found["foreign_currency"].worth_ore, found["foreign_currency"].voucher_id) == (None, None)
    assert found["outgoing"].rest_ore == -700
    rest = 250 + kung.amount_ore + 1234 - 700 - 800
    assert balance(storage, "unallocated_payments") == -rest
    assert balance(storage, "bank") == norberg.amount_ore + sala.amount_ore - 100 + arboga.amount_ore + rest
    holds(storage)


def test_the_same_file_again_and_the_statement_after_its_notification(
    storage: Storage, invoices_of_1: dict[str, Invoice]
) -> None:
    line = paying(invoices_of_1["1962"])
    told = bank_file([line], "camt.054.001.02", statement_id="n1")
    assert take(storage, told).payments == 1
    assert take(storage, told).again
    booked = bank_file(
        [Line(line.amount, bank_reference=line.bank_reference), Line("5.00")], statement_id="s1"
    )
    done = take(storage, booked)
    assert (done.payments, done.known) == (1, 1)
    assert take(storage, booked.replace(b"06:00:00", b"07:00:00")).again
    assert len(kept(storage)) == 2
    holds(storage)


def test_a_statement_that_says_something_else_now_is_refused_whole(
    storage: Storage, invoices_of_1: dict[str, Invoice]
) -> None:
    take(storage, bank_file([Line("5.00", bank_reference="B1")]))
    changed = bank_file([Line("5.00", bank_reference="B1"), Line("6.00", bank_reference="B2")])
    with pytest.raises(Refused) as refused:
        take(storage, changed)
    assert (refused.value.refusal.name, refused.value.refusal.rule) == (
        "statement_changed",
        "statement-taken-in-once",
    )
    assert len(kept(storage)) == 1
    holds(storage)


def test_a_bad_file_leaves_nothing(storage: Storage, invoices_of_1: dict[str, Invoice]) -> None:
    broken = bank_file([paying(invoices_of_1["1962"]), Line("2.00", [Part("1.00"), Part("0.50")])])
    with pytest.raises(Refused) as refused:
        take(storage, broken)
    assert refused.value.refusal.name == "statement_batch_differs"
    assert kept(storage) == []
    assert open_of(storage, invoices_of_1["1962"]) == invoices_of_1["1962"].amount_ore


def test_two_payments_of_one_invoice_in_a_file(storage: Storage, invoices_of_1: dict[str, Invoice]) -> None:
    invoice = invoices_of_1["1962"]
    take(storage, bank_file([paying(invoice, 100), paying(invoice)]))
    assert sorted((each.outcome, each.rest_ore) for each in kept(storage)) == [("over", 100), ("partial", 0)]
    assert open_of(storage, invoice) == 0
    holds(storage)


def suggested(storage: Storage, invoice: Invoice) -> queries.Kept:
    amount = kronor(invoice.amount_ore)
    take(storage, bank_file([Line(amount, [Part(amount, payer_number="2120002072")], bank_reference="S")]))
    (found,) = [each for each in kept(storage) if each.outcome == "suggested"]
    return found


def test_a_person_confirms_undoes_and_books_elsewhere(
    storage: Storage, invoices_of_1: dict[str, Invoice]
) -> None:
    invoice = invoices_of_1["1962"]
    payment = suggested(storage, invoice)
    whole = [Allocation(invoice.invoice_id, invoice.amount_ore)]
    booking_id, undoing = new_id(), new_id()
    for _ in range(2):  # sent twice, booked once
        act(
            storage,
            lambda desk: allocations.move(
                desk, booking_id, payment.payment_id, whole, "amount_and_payer", kind="confirmed"
            ),
        )
    assert open_of(storage, invoice) == 0
    assert kept(storage)[0].is_settled
    for _ in range(2):
        act(storage, lambda desk: allocations.undo(desk, undoing, booking_id, "not theirs"))
    assert open_of(storage, invoice) == invoice.amount_ore
    with pytest.raises(Refused) as refused:
        act(storage, lambda desk: allocations.undo(desk, new_id(), booking_id, "again, again"))
    assert refused.value.refusal.name == "booking_undone"
    difference = CHART.number("payment_differences")
    act(
        storage,
        lambda desk: allocations.book_elsewhere(
            desk, new_id(), payment.payment_id, difference, invoice.amount_ore, reason="given away"
        ),
    )
    assert balance(storage, "payment_differences") == -invoice.amount_ore
    assert balance(storage, "unallocated_payments") == 0
    with storage.reading() as connection:
        made = queries.bookings_of(connection, payment.payment_id)
    assert [(each.kind, each.amount_ore > 0, each.undone_by_id is not None) for each in made] == [
        ("confirmed", True, True),
        ("undone", False, False),
        ("manual", True, False),
    ] or sorted(each.kind for each in made) == ["confirmed", "manual", "undone"]
    holds(storage)


@pytest.mark.parametrize(
    ("amounts", "name"),
    [
        ([], "nothing_to_book"),
        ([0], "nothing_to_book"),
        ([-1], "nothing_to_book"),
        ([1, 10**9], "payment_too_small"),
    ],
)
def test_what_cannot_be_booked(
    storage: Storage, invoices_of_1: dict[str, Invoice], amounts: list[int], name: str
) -> None:
    invoice = invoices_of_1["1962"]
    payment = suggested(storage, invoice)
    asked = [Allocation(invoice.invoice_id, ore) for ore in amounts]
    with pytest.raises(Refused) as refused:
        act(storage, lambda desk: allocations.move(desk, new_id(), payment.payment_id, asked, "by hand"))
    assert refused.value.refusal.name == name


def test_an_invoice_is_not_paid_too_much_nor_by_an_unknown_payment(
    storage: Storage, invoices_of_1: dict[str, Invoice]
) -> None:
    norberg, skinn = invoices_of_1["1962"], invoices_of_1["1904"]
    payment = suggested(storage, norberg)
    too_much = [Allocation(skinn.invoice_id, skinn.amount_ore + 1)]
    cases: list[tuple[str, list[Allocation], str]] = [
        (payment.payment_id, too_much, "invoice_paid_too_much"),
        (payment.payment_id, [Allocation("nothing", 1)], "invoice_unknown"),
        ("nothing", too_much, "payment_unknown"),
    ]
    for payment_id, asked, name in cases:
        with pytest.raises(Refused) as refused:
            act(
                storage, lambda desk, p=payment_id, a=asked: allocations.move(desk, new_id(), p, a, "by hand")
            )  # type: ignore[misc]
        assert refused.value.refusal.name == name
    holds(storage)


@pytest.mark.parametrize(
    "role", ["bank", "unallocated_payments", "receivable_municipalities", "receivable_region"]
)
def test_claims_and_the_bank_are_not_booked_on_by_hand(
    storage: Storage, invoices_of_1: dict[str, Invoice], role: str
) -> None:
    payment = suggested(storage, invoices_of_1["1962"])
    with pytest.raises(Refused) as refused:
        act(
            storage,
            lambda desk: allocations.book_elsewhere(
                desk, new_id(), payment.payment_id, CHART.number(role), 1, reason="because"
            ),
        )
    assert refused.value.refusal.name == "account_not_by_hand"


def test_what_the_bank_takes_back_is_open_again(storage: Storage, invoices_of_1: dict[str, Invoice]) -> None:
    invoice = invoices_of_1["1962"]
    line = paying(invoice, end_to_end="E1")
    back = Line(
        line.amount, [Part(line.amount, end_to_end="E1")], credit=False, reversal=True, day="2025-05-02"
    )
    take(storage, bank_file([line], statement_id="s1"))
    assert open_of(storage, invoice) == 0
    take(storage, bank_file([back, paying(invoice, 500)], statement_id="s2"))
    assert open_of(storage, invoice) == invoice.amount_ore - 500
    assert next((each.outcome, each.rest_ore) for each in kept(storage)) == ("reversed", 0)
    assert balance(storage, "bank") == 500
    assert balance(storage, "unallocated_payments") == 0
    holds(storage)


def test_an_overpayment_is_paid_back(storage: Storage, invoices_of_1: dict[str, Invoice]) -> None:
    invoice = invoices_of_1["1962"]
    take(
        storage,
        bank_file([paying(invoice, invoice.amount_ore + 250), Line("2.50", credit=False, day="2025-05-02")]),
    )
    found = {each.outcome: each for each in kept(storage)}
    out, paid = found["outgoing"], found["over"]
    for _ in range(2):
        act(storage, lambda desk: returns.take_back(desk, out.payment_id, paid.payment_id, "paid back"))
    assert [each.rest_ore for each in kept(storage)] == [0, 0]
    assert open_of(storage, invoice) == 0
    with pytest.raises(Refused) as refused:
        act(storage, lambda desk: returns.take_back(desk, paid.payment_id, out.payment_id, "backwards"))
    assert refused.value.refusal.name == "return_impossible"
    holds(storage)


def test_another_currency_waits_for_its_value(storage: Storage, invoices_of_1: dict[str, Invoice]) -> None:
    invoice = invoices_of_1["1962"]
    take(
        storage,
        bank_file([Line("50.00", [Part("50.00", invoice.reference, currency="EUR")], currency="EUR")]),
    )
    (payment,) = kept(storage)
    asked = [Allocation(invoice.invoice_id, 55_000)]
    with pytest.raises(Refused) as refused:
        act(storage, lambda desk: allocations.move(desk, new_id(), payment.payment_id, asked, "by hand"))
    assert refused.value.refusal.name == "payment_not_valued"
    for _ in range(2):
        act(storage, lambda desk: returns.value(desk, payment.payment_id, 56_150, "the bank's rate"))
    with pytest.raises(Refused) as refused:
        act(storage, lambda desk: returns.value(desk, payment.payment_id, 1, "another rate"))
    assert refused.value.refusal.name == "payment_valued"
    act(storage, lambda desk: allocations.move(desk, new_id(), payment.payment_id, asked, "by hand"))
    assert kept(storage)[0].rest_ore == 1_150
    assert balance(storage, "bank") == 56_150
    holds(storage)


def test_a_payment_recorded_by_hand(storage: Storage, invoices_of_1: dict[str, Invoice]) -> None:
    payment_id = new_id()
    day = date(2025, 4, 1)

    def record(desk: Desk, amount: int = 5_000, when: date = day, reason: str = "paid in cash") -> None:
        payments.record_payment(desk, payment_id, amount, when, "1962", reason=reason)

    act(storage, record)
    act(storage, record)
    (payment,) = kept(storage)
    assert (payment.rest_ore, payment.payer_code, payment.statement_id) == (5_000, "1962", None)
    for change, name in (
        ({"amount": 4_999}, "payment_id_used"),
        ({"amount": 0}, "payment_amount_impossible"),
        ({"when": date(2027, 1, 1)}, "payment_day_impossible"),
        ({"reason": " x "}, "reason_missing"),
    ):
        with pytest.raises(Refused) as refused:
            act(storage, lambda desk, c=change: record(desk, **c))  # type: ignore[misc, arg-type]
        assert refused.value.refusal.name == name
    holds(storage)


def test_a_payment_of_a_closed_month_is_booked_in_the_open_one(
    storage: Storage, invoices_of_1: dict[str, Invoice]
) -> None:
    with storage.unit() as unit:
        close_month(unit, date(2025, 4, 1), BY)
    take(storage, bank_file([paying(invoices_of_1["1962"])]))
    (payment,) = kept(storage)
    with storage.reading() as connection:
        voucher = ledger.voucher_by_id(connection, payment.voucher_id or "")
    assert payment.told.booked_on == date(2025, 4, 30)
    assert voucher is not None
    assert voucher.booked_on == date(2025, 5, 1)
    holds(storage)


def test_rows_of_payments_are_only_ever_added(storage: Storage, invoices_of_1: dict[str, Invoice]) -> None:
    take(storage, bank_file([Line("5.00")]))
    for statement in (sa.update(payment_table).values(amount_ore=1), sa.delete(payment_table)):
        with pytest.raises(DatabaseError, match="only ever added to"), storage.unit() as unit:
            unit.execute(statement)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["reference", "words", "nothing", "reversal"]),
        st.integers(0, 9),
        st.sampled_from([1, -1, 0, 500_000]),
    ),
    min_size=1,
    max_size=8,
)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    """One year with its first instalment issued, on SQLite, for many examples."""
    path = tmp_path_factory.mktemp("year") / "billing.db"
    storage = Storage(f"sqlite:///{path}", FixedClock(datetime(2026, 11, 24, 9, 0, tzinfo=UTC)))
    migrate(storage, "billing")
    register_municipalities(storage)
    county.load(storage, COUNTY_FOLDER)
    open_year(storage)
    issue(storage, 1)
    yield storage
    storage.close()


@settings(max_examples=20, deadline=None)
@given(STEPS)
def test_any_sequence_of_payments_keeps_every_equation(
    year: Storage, steps: list[tuple[str, int, int]]
) -> None:
    """invoiced − paid = open for every payer, and the ledger says the same, whatever comes and is undone."""
    run_steps(year, steps)
    with year.reading() as connection:
        paid = queries.paid_by_invoice(connection)
        for each in invoices.invoices_of_year(connection, YEAR):
            assert each.settled_ore == paid.get(each.invoice_id, 0)
            assert 0 <= each.open_ore == each.amount_ore - each.settled_ore
        rest = sum(each.rest_ore for each in queries.every_payment(connection))
    assert balance(year, "unallocated_payments") == -rest
    holds(year)


def run_steps(storage: Storage, steps: list[tuple[str, int, int]]) -> None:
    found = issued(storage)
    lines = []
    for way, which, off in steps:
        invoice = found[which % len(found)]
        ore = max(1, invoice.amount_ore + off)
        amount = kronor(ore)
        part = {
            "reference": Part(amount, invoice.reference, end_to_end=f"E{which}"),
            "words": Part(amount, message=f"faktura {invoice.reference}"),
            "nothing": Part(amount, payer_number=""),
            "reversal": Part(amount, invoice.reference, end_to_end=f"E{which}"),
        }[way]
        back = way == "reversal"
        lines.append(Line(amount, [part], credit=not back, reversal=back, bank_reference=new_id()))
    take(storage, bank_file(lines, statement_id=new_id()))
    with storage.reading() as connection:
        bookings = [
            b
            for each in queries.every_payment(connection)
            for b in queries.bookings_of(connection, each.payment_id)
        ]
    live = [b for b in bookings if b.undone_by_id is None and b.undoes_id is None]
    if live and steps[0][2] == -1:
        act(storage, lambda desk: allocations.undo(desk, new_id(), live[0].booking_id, "a random undo"))
