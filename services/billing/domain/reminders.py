"""When an invoice that is late may be reminded of, and why not yet.

The agreement says how many days after the due date each level comes. A level is sent once an invoice, after
the one before it, and not before the day that one gave to pay has passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

# A reminder gives so many days to pay.
PAY_WITHIN = timedelta(days=10)


@dataclass(frozen=True, slots=True)
class Overdue:
    """An invoice that is late. `level` is of the newest reminder, 0 without one; `pay_by` its day."""

    invoice_id: str
    number: str
    year: int
    payer_code: str
    payer_name: str
    due_on: date
    open_ore: int
    level: int
    pay_by: date | None
    disputed: bool

    def days_late(self, today: date) -> int:
        return (today - self.due_on).days


@dataclass(frozen=True, slots=True)
class Standing:
    """What can be done about it today: `next_level` where a reminder is due, else `why_not`.

    `why_not` is disputed, all_sent, or too_early, which names the day `from_day`.
    """

    overdue: Overdue
    days_late: int
    next_level: int | None
    why_not: str = ""
    from_day: date | None = None


def standing(overdue: Overdue, days: Sequence[int], today: date) -> Standing:
    """`days` are the agreement's: how long after the due date each level may go out, ascending."""
    late = overdue.days_late(today)
    if overdue.disputed:
        return Standing(overdue, late, None, "disputed")
    if overdue.level >= len(days):
        return Standing(overdue, late, None, "all_sent")
    from_day = overdue.due_on + timedelta(days=days[overdue.level])
    if overdue.pay_by is not None:
        from_day = max(from_day, overdue.pay_by + timedelta(days=1))
    if today < from_day:
        return Standing(overdue, late, None, "too_early", from_day)
    return Standing(overdue, late, overdue.level + 1)
