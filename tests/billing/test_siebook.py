from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from werkzeug.test import Client

from services.billing.configuration import configuration_from
from services.billing.domain.ledger import Chart
from services.billing.queries.reconciliation import reconciliation
from services.billing.siebook import claims_in_sie
from services.chassis.process import Composition
from services.chassis.settings import COUNTY_FOLDER
from services.chassis.storage.engine import Storage
from tests.billing.bank_files import bank_file
from tests.billing.booking import CHART, YEAR, issue, open_year
from tests.billing.test_payments import paying, take
from tests.web import client_of, sign_in

ISSUER = configuration_from(COUNTY_FOLDER / "chart.yaml").issuer
TODAY = date(2026, 11, 24)


@pytest.fixture
def paid(storage: Storage) -> Storage:
    """Two instalments, of which one invoice is paid on 30 April 2025 and one half: two calendar years."""
    open_year(storage)
    first, second, *_ = issue(storage, 1, 2)
    take(storage, bank_file([paying(first), paying(second, second.amount_ore // 2)]))
    return storage


def told(storage: Storage, chart: Chart = CHART) -> tuple[int, int]:
    """What is open by the ledger, and by SIE read back."""
    with storage.reading() as connection:
        found = reconciliation(connection, YEAR, CHART, TODAY)
        return found.total("balance_ore"), claims_in_sie(connection, YEAR, chart, ISSUER, TODAY)


def test_sie_says_what_the_ledger_says(paid: Storage) -> None:
    ledger, sie = told(paid)
    assert ledger == sie > 0


def test_a_ledger_that_sie_cannot_tell_is_a_difference(paid: Storage) -> None:
    """The chart has lost an account that was booked on: no file is written, and the equation is off."""
    accounts = {role: account for role, account in CHART.accounts.items() if role != "shares_region"}
    with paid.reading() as connection:
        found = reconciliation(connection, YEAR, CHART, TODAY)
        sie_ore = claims_in_sie(connection, YEAR, Chart("", accounts), ISSUER, TODAY)
    off = replace(found, sie_ore=sie_ore)
    assert found.agrees
    assert not off.agrees
    assert [each.name for each in off.equations if each.off_ore] == ["sie"]


def test_the_page_has_the_paid_column_and_the_equation(paid: Storage, composition: Composition) -> None:
    client: Client = client_of(composition)
    client.set_cookie("samklang_language", "en")
    sign_in(client, composition, role="finance", municipality="1962")
    page = client.get(f"/finance/{YEAR}/reconciliation").text
    assert "is what the SIE files say, read back" in page
    assert "Everything agrees, to the öre" in page
