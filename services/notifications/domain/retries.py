"""When a mail that could not be sent is tried again, and when it is given up."""

from __future__ import annotations

from datetime import timedelta

MOST_ATTEMPTS = 12
FIRST_BACK_OFF_SECONDS = 30
MOST_BACK_OFF_SECONDS = 6 * 3600


def back_off(attempts: int) -> timedelta:
    """The rest after `attempts` failures in a row: 30 s, doubled each time, at most six hours.

    Twelve attempts take about fifteen hours: a mail server that greylists or is mended overnight loses none.
    """
    return timedelta(seconds=min(FIRST_BACK_OFF_SECONDS * 2 ** (attempts - 1), MOST_BACK_OFF_SECONDS))


def is_given_up(attempts: int) -> bool:
    return attempts >= MOST_ATTEMPTS
