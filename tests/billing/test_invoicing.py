from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from services.billing.checks import check
from services.billing.commands import agreements, basis, invoicing, ledger
from services.billing.commands.payers import record_payer
from services.billing.domain.payers import PayerDetails
from services.billing.domain.populations import Figure
from services.billing.queries import basis as basis_queries
from services.billing.queries.invoices import Invoice
from services.billing.tables import invoices, number_series, postings, vouchers
from services.chassis.ids import new_id
from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from tests.billing import booking
from tests.billing.booking import BY, CHART, YEAR
from tests.billing.examples import NINE_ORE, REGION

DAY = date(2024, 12, 31)


@pytest.fixture
def opened(storage: Storage) -> Storage:
    booking.open_year(storage)
    return storage


def sums(found: list[Invoice]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for each in found:
        totals[each.payer_code] = totals.get(each.payer_code, 0) + each.amount_ore
    return totals


def well(storage: Storage) -> bool:
    with storage.reading() as connection:
        assert check(connection) == []
    return True


def revise(storage: Storage, code: str, people: int) -> None:
    with storage.unit() as unit:
        basis.record_populations(unit, [Figure(code, DAY, people, "scb.se, revised")], BY)
    booking.compute(storage)


def test_four_instalments_are_the_shares_to_the_ore(opened: Storage) -> None:
    found = booking.issue(opened, 1, 2, 3, 4)
    assert sums(found) == {REGION: 500_000_00, **NINE_ORE}
    assert [each.number for each in found] == [f"2026-{n:04d}" for n in range(1, 41)]
    assert len({each.reference for each in found}) == 40
    assert all(each.due_on == date(2026, 12, 24) for each in found)
    norberg = next(each for each in found if each.payer_code == "1962")
    assert (norberg.payer_name, norberg.order_reference) == ("Norbergs kommun", "DEMO-1962")
    assert "5452" in norberg.lines[0].text.sv
    assert well(opened)


def test_issuing_again_gives_the_same_invoices(opened: Storage) -> None:
    assert booking.issue(opened, 1) == booking.issue(opened, 1)


def test_numbers_have_no_gap_when_issuing_fails(opened: Storage) -> None:
    run = booking.newest(opened)
    with pytest.raises(RuntimeError, match="the power is gone"), opened.unit() as unit:
        invoicing.issue_instalment(unit, YEAR, 1, CHART, BY, run_id=run.run_id)
        raise RuntimeError("the power is gone")
    assert booking.issued(opened) == []
    assert booking.issue(opened, 1)[0].number == "2026-0001"
    with opened.reading() as connection:
        assert {r.series: r.last_number for r in connection.execute(sa.select(number_series))} == {
            "invoice:2026": 10,
            "voucher:2026": 10,
        }


def test_a_revised_population_is_credited_and_issued_anew(opened: Storage) -> None:
    originals = booking.issue(opened, 1, 2)
    revise(opened, "1981", 22_900)
    seen = booking.preview(opened)
    assert (seen.total_delta_ore, seen.issued_delta_ore, seen.budget_change_ore) == (0, 0, 0)
    assert len(seen.changes) == 18  # nine municipalities, two instalments; the region's half is the same
    booking.correct(opened)
    after = booking.issued(opened)
    assert [replace(each, credited_by_id=None, replaced_by_id=None) for each in after[:20]] == originals
    assert booking.preview(opened).changes == ()
    both = booking.issue(opened, 3, 4)
    assert sums(both) == booking.newest(opened).shares_ore
    credit = next(each for each in both if each.credits_id and each.payer_code == "1981")
    said = " ".join(line.text.en for line in credit.lines)
    assert "22843 (on 2024-12-31, vintage 1)" in said
    assert "22900 (on 2024-12-31, vintage 2)" in said
    assert well(opened)


def test_a_correction_again_gives_the_same_papers(opened: Storage) -> None:
    booking.issue(opened, 1)
    revise(opened, "1981", 22_900)
    name, seen = new_id(), booking.preview(opened)

    def issue() -> list[str]:
        with opened.unit() as unit:
            return invoicing.issue_correction(
                unit,
                YEAR,
                CHART,
                BY,
                run_id=seen.run.run_id,
                fingerprint=seen.fingerprint,
                correction_id=name,
                reason="a revision of SCB",
            )

    assert issue() == issue()
    assert len(booking.issued(opened)) == 28


def leave(storage: Storage, code: str, day: date) -> None:
    with storage.unit() as unit:
        agreements.change_member(unit, code, left_on=day, by=BY)
    booking.compute(storage)


def test_a_leaver_on_30_june_gets_its_second_half_back(opened: Storage) -> None:
    booking.issue(opened, 1, 2, 3)
    leave(opened, "1984", date(2025, 6, 30))
    seen = booking.preview(opened)
    assert {change.period.number for change in seen.changes} == {3}
    assert (seen.total_delta_ore, seen.issued_delta_ore) == (0, 0)
    arboga = next(each for each in seen.payers if each.code == "1984")
    assert (arboga.replaced_ore, arboga.issued_ore) == (0, -6_440_90)
    assert "Arboga is a member until 2025-06-30." in {text.en for text in seen.reasons}
    booking.correct(opened)
    assert sums(booking.issue(opened, 4)) == booking.newest(opened).shares_ore
    assert well(opened)


def test_a_cancelled_festival_comes_back_to_those_who_paid(opened: Storage) -> None:
    booking.issue(opened, 1, 2, 3, 4)
    kept = {"study_days": 180_000_00, "orchestra": 240_000_00, "tour": 90_000_00, "coordination": 340_000_00}
    with pytest.raises(Refused) as caught:
        booking.decide_budget(opened, kept)
    assert caught.value.refusal.name == "budget_invoiced"
    assert booking.decide_budget(opened, kept, "The festival is cancelled") == 2
    booking.compute(opened)
    seen = booking.preview(opened)
    assert (seen.budget_change_ore, seen.issued_delta_ore, seen.total_delta_ore) == (-150_000_00,) * 3
    booking.correct(opened, "The festival is cancelled")
    assert sum(sums(booking.issued(opened)).values()) == 850_000_00
    assert well(opened)


def test_another_sum_without_a_decision_is_refused_once_invoices_are_out(opened: Storage) -> None:
    booking.issue(opened, 1)
    with pytest.raises(Refused) as caught, opened.unit() as unit:
        basis.open_year(unit, YEAR, 99_000_000, DAY, BY)
    assert caught.value.refusal.name == "budget_changed_after_issue"
    assert booking.newest(opened).version == 1


def test_what_was_not_previewed_is_not_issued(opened: Storage) -> None:
    booking.issue(opened, 1)
    revise(opened, "1981", 22_900)
    seen = booking.preview(opened)
    revise(opened, "1981", 22_950)
    for run_id, name in (
        (seen.run.run_id, "run_not_newest"),
        (booking.newest(opened).run_id, "preview_stale"),
    ):
        with pytest.raises(Refused) as caught, opened.unit() as unit:
            invoicing.issue_correction(
                unit,
                YEAR,
                CHART,
                BY,
                run_id=run_id,
                fingerprint=seen.fingerprint,
                correction_id=new_id(),
                reason="a reason",
            )
        assert caught.value.refusal.name == name
    assert len(booking.issued(opened)) == 10


def test_what_cannot_be_issued_is_refused_and_nothing_is_done(opened: Storage) -> None:
    run = booking.newest(opened)
    tomorrow = opened.clock.now().date() + timedelta(days=1)
    for number, run_id, day, name in (
        (5, run.run_id, None, "instalment_unknown"),
        (1, new_id(), None, "run_not_newest"),
        (1, run.run_id, tomorrow, "issued_in_future"),
    ):
        with pytest.raises(Refused) as caught, opened.unit() as unit:
            invoicing.issue_instalment(unit, YEAR, number, CHART, BY, run_id=run_id, issued_on=day)
        assert caught.value.refusal.name == name
    assert booking.issued(opened) == []


def test_a_closed_month_offers_an_open_day(opened: Storage) -> None:
    run = booking.newest(opened)
    with opened.unit() as unit:
        ledger.close_month(unit, date(2026, 10, 17), BY)
    with pytest.raises(Refused) as caught, opened.unit() as unit:
        invoicing.issue_instalment(unit, YEAR, 1, CHART, BY, run_id=run.run_id, issued_on=date(2026, 10, 5))
    refusal = caught.value.refusal
    assert (refusal.name, refusal.facts["open"]) == ("period_closed", date(2026, 11, 1))
    assert booking.issued(opened) == []


@pytest.mark.parametrize("change", [sa.update(invoices).values(amount_ore=1), sa.delete(invoices)])
def test_the_database_keeps_invoices_as_they_are(opened: Storage, change: sa.Executable) -> None:
    booking.issue(opened, 1)
    with pytest.raises(sa.exc.DBAPIError), opened.unit() as unit:
        unit.execute(change)


def test_an_organisation_number_without_its_check_digit_is_refused(opened: Storage) -> None:
    details = PayerDetails("1962", "Norbergs kommun", "212000-2073", "", "", "", "")
    with pytest.raises(Refused) as caught, opened.unit() as unit:
        record_payer(unit, details, BY)
    assert caught.value.refusal.name == "organisation_number_invalid"


def test_a_number_missing_or_a_posting_too_much_is_found(opened: Storage) -> None:
    booking.issue(opened, 1)
    with opened.unit() as unit:
        unit.execute(
            sa.update(number_series).where(number_series.c.series == "invoice:2026").values(last_number=12)
        )
        for table, trigger in ((postings, "postings"), (vouchers, "vouchers")):
            _unguard(unit.connection, table.name, trigger)
        unit.execute(
            sa.update(postings)
            .where(postings.c.line == 1, postings.c.payer_code == "1962")
            .values(amount_ore=postings.c.amount_ore + 1)
        )
    with opened.reading() as connection:
        found = check(connection)
    assert "the series invoice:2026 has 10 papers and says 12" in found
    assert any("does not balance: 1 öre" in each for each in found)
    assert any("differs from the ledger by 1 öre" in each for each in found)


def _unguard(connection: sa.Connection, table: str, name: str) -> None:
    """As a slip of the database's owner would: no code of the product can do it."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"DROP TRIGGER {name}_kept_update")
    else:
        connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")


def test_the_newest_run_is_what_everybody_reads(opened: Storage) -> None:
    with opened.reading() as connection:
        agreement = basis_queries.agreement_on(connection, date(2025, 1, 1))
    assert agreement is not None
    assert agreement.terms is not None
    assert len(booking.newest(opened).instalments_ore) == 4
