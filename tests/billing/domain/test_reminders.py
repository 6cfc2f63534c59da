from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.reminders import PAY_WITHIN, Overdue, standing

DUE = date(2026, 1, 31)
LATE = Overdue("i", "2026-0001", 2026, "1962", "Norberg", DUE, 100, 0, None, disputed=False)
DAYS = (10, 30)


def test_each_level_has_its_day() -> None:
    early = standing(LATE, DAYS, DUE + timedelta(days=9))
    assert (early.next_level, early.why_not, early.from_day) == (None, "too_early", date(2026, 2, 10))
    assert standing(LATE, DAYS, DUE + timedelta(days=10)).next_level == 1
    once = replace(LATE, level=1, pay_by=date(2026, 2, 20))
    assert standing(once, DAYS, DUE + timedelta(days=30)).next_level == 2
    assert standing(replace(once, level=2), DAYS, date(2027, 1, 1)).why_not == "all_sent"


def test_a_reminder_that_still_gives_time_is_not_followed_by_the_next() -> None:
    """The first one went out late: the second waits until its day to pay has passed."""
    late = replace(LATE, level=1, pay_by=date(2026, 4, 10))
    waits = standing(late, DAYS, date(2026, 4, 10))
    assert (waits.next_level, waits.from_day) == (None, date(2026, 4, 11))
    assert standing(late, DAYS, date(2026, 4, 11)).next_level == 2


def test_what_is_contested_is_never_reminded_of() -> None:
    assert standing(replace(LATE, disputed=True), DAYS, date(2027, 1, 1)).why_not == "disputed"


def test_no_days_are_no_reminders() -> None:
    assert standing(LATE, (), date(2027, 1, 1)).why_not == "all_sent"


@given(st.lists(st.integers(1, 365), max_size=5, unique=True).map(sorted), st.lists(st.integers(1, 90)))
def test_levels_come_in_order_each_once_and_with_time_between(days: list[int], steps: list[int]) -> None:
    """Whenever somebody looks: no level twice, none before its day, none before the last one's has passed."""
    today, late, sent = DUE, LATE, []
    for step in steps:
        today += timedelta(days=step)
        found = standing(late, days, today)
        if found.next_level is None:
            continue
        assert found.next_level == late.level + 1
        assert found.days_late >= days[late.level]
        assert late.pay_by is None or today > late.pay_by
        sent.append(found.next_level)
        late = replace(late, level=found.next_level, pay_by=today + PAY_WITHIN)
    assert sent == list(range(1, len(sent) + 1))
    assert len(sent) <= len(days)
