from __future__ import annotations

import pytest
import sqlalchemy as sa

from services.billing import county
from services.billing.checks import check
from services.billing.tables import share_run_members, share_run_parts, share_runs
from services.chassis.settings import COUNTY_FOLDER
from services.chassis.storage.engine import Storage


@pytest.fixture
def opened(storage: Storage) -> Storage:
    county.load_demo(storage, COUNTY_FOLDER)
    return storage


def findings(storage: Storage) -> list[str]:
    with storage.reading() as connection:
        return check(connection)


def test_all_is_well(opened: Storage) -> None:
    assert findings(opened) == []


def test_one_ore_too_much_is_found(opened: Storage) -> None:
    with opened.unit() as unit:
        parts = share_run_parts
        unit.execute(
            sa.update(parts).where(parts.c.payer_code == "1962").values(share_ore=parts.c.share_ore + 1)
        )
    assert findings(opened) == [
        "the shares of 2025, version 1, differ from the budget by 1 öre",
        "the shares of 2025, version 1, are not what their frozen basis gives",
        "2025: the budget is 1 öre off the sum of its shares",
        "2025: the shares are 1 öre off what is invoiced and to come: see the year's correction",
    ]


def test_an_ore_moved_between_two_is_found(opened: Storage) -> None:
    with opened.unit() as unit:
        parts = share_run_parts
        for code, ore in (("1962", 1), ("1980", -1)):
            unit.execute(
                sa.update(parts).where(parts.c.payer_code == code).values(share_ore=parts.c.share_ore + ore)
            )
    assert findings(opened) == [
        "the shares of 2025, version 1, are not what their frozen basis gives",
        "2025: the shares are 2 öre off what is invoiced and to come: see the year's correction",
    ]


def test_a_changed_basis_is_found(opened: Storage) -> None:
    """Another source changes no share, and the bytes all the same."""
    with opened.unit() as unit:
        unit.execute(sa.update(share_run_members).values(source="somebody said so"))
    assert findings(opened) == [
        "the shares of 2025, version 1, rest on a basis that was changed after it was frozen"
    ]


def test_a_basis_that_is_gone_is_found(opened: Storage) -> None:
    with opened.unit() as unit:
        unit.execute(sa.delete(share_run_members))
    assert findings(opened) == [
        "the shares of 2025, version 1, cannot be derived from their frozen basis: no_members"
    ]


def test_a_changed_budget_is_found(opened: Storage) -> None:
    with opened.unit() as unit:
        unit.execute(sa.update(share_runs).values(budget_ore=100_000_002))
    assert "the shares of 2025, version 1, differ from the budget by -2 öre" in findings(opened)
