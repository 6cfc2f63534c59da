from __future__ import annotations

from datetime import date

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from services.billing.checks import check
from services.billing.commands import budgets
from services.billing.commands.netting import net
from services.billing.domain.netting import OpenInvoice, Setting, postings_of, settings_of
from services.billing.queries.netting import settings
from services.billing.queries.reconciliation import reconciliation
from services.chassis.ids import new_id
from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from tests.billing import booking
from tests.billing.booking import BY, CHART, YEAR
from tests.billing.test_ledger import cost

TODAY = date(2026, 11, 24)
hosts = st.sampled_from(("1980", "1981", "1962"))
open_invoices = st.builds(
    OpenInvoice,
    st.integers(1, 10**6).map(str),
    st.integers(1, 10**6).map(str),
    hosts,
    st.dates(),
    st.integers(1, 10**9),
)


@hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine
@given(st.dictionaries(hosts, st.integers(0, 10**9)), st.lists(open_invoices, max_size=8))
def test_nothing_is_set_off_twice_and_all_parties_clear_to_zero(
    owed: dict[str, int], waiting: list[OpenInvoice]
) -> None:
    for setting in settings_of(owed, waiting):
        own = sum(each.open_ore for each in waiting if each.payer_code == setting.host_code)
        assert setting.netted_ore == min(owed[setting.host_code], own)
        assert all(0 < ore <= each.open_ore for each, ore in setting.parts)
        assert setting.left_to_pay_out_ore >= 0
        assert setting.left_to_pay_in_ore >= 0
        assert sum(posting.amount_ore for posting in postings_of(setting, CHART)) == 0


def seen(storage: Storage) -> tuple[Setting, ...]:
    with storage.reading() as connection:
        return settings(connection, YEAR, CHART)


def test_a_hosts_costs_pay_its_oldest_invoices(storage: Storage) -> None:
    booking.open_year(storage)
    booking.issue(storage, 1, 2)
    spent = cost(amount_ore=15_000_00)
    with storage.unit() as unit:
        budgets.report_cost(unit, spent, BY)
        budgets.decide_cost(unit, spent.cost_id, CHART, BY, approved=True)
    (setting,) = seen(storage)
    assert (setting.host_code, setting.owed_ore, setting.netted_ore) == ("1981", 15_000_00, 15_000_00)
    with storage.unit() as unit:
        net(unit, YEAR, CHART, BY, netting_id=new_id(), total_ore=15_000_00)
    assert seen(storage) == ()
    sala = [each for each in booking.issued(storage) if each.payer_code == "1981"]
    assert [each.state(TODAY) for each in sala] == ["paid", "partly_paid"]
    with storage.reading() as connection:
        found = reconciliation(connection, YEAR, CHART, TODAY)
        assert check(connection) == []
    row = next(row for row in found.rows if row.code == "1981")
    assert (row.netted_ore, row.paid_ore, found.agrees) == (15_000_00, 0, True)


def test_what_cannot_be_set_off_is_refused(storage: Storage) -> None:
    booking.open_year(storage)
    booking.issue(storage, 1)
    spent = cost(amount_ore=5_000_00)
    with storage.unit() as unit:
        budgets.report_cost(unit, spent, BY)
    with pytest.raises(Refused) as caught, storage.unit() as unit:
        net(unit, YEAR, CHART, BY, netting_id=new_id(), total_ore=5_000_00)
    assert caught.value.refusal.name == "nothing_to_net"
    with storage.unit() as unit:
        budgets.decide_cost(unit, spent.cost_id, CHART, BY, approved=True)
    with pytest.raises(Refused) as caught, storage.unit() as unit:
        net(unit, YEAR, CHART, BY, netting_id=new_id(), total_ore=4_999_99)
    assert caught.value.refusal.name == "preview_stale"
    assert len(seen(storage)) == 1
