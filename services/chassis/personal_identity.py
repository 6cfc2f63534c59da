"""Swedish personal identity numbers (personnummer) and coordination numbers (samordningsnummer)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from personnummer import personnummer

COORDINATION_DAY_OFFSET = 60

# ASCII figures only: other scripts' figures would be stored as a second spelling of the same number.
_SPELLING = re.compile(r"([0-9]{2})?([0-9]{2})([0-9]{4})([-+]?)([0-9]{4})")


class InvalidPersonalIdentity(ValueError):
    """What was written is no personal identity number: not a date, a wrong check digit, or in the future."""


@dataclass(frozen=True, slots=True)
class PersonalIdentity:
    """`number` is twelve digits; for a coordination number the day has 60 added."""

    number: str
    born_on: date
    is_coordination_number: bool
    is_female: bool


def parse_personal_identity(text: str, today: date) -> PersonalIdentity:
    """The number in any usual spelling (YYMMDD-NNNN, YYYYMMDDNNNN ...).

    Raises InvalidPersonalIdentity.
    """
    number = _twelve_digits(text.strip(), today)
    try:
        parsed = personnummer.parse(number)
        born_on: date = parsed.get_date()
    except (personnummer.PersonnummerException, ValueError) as error:
        raise InvalidPersonalIdentity("not a personal identity number") from error
    if born_on > today:
        raise InvalidPersonalIdentity("a date in the future")
    return PersonalIdentity(number, born_on, parsed.is_coordination_number(), parsed.is_female())


def _twelve_digits(text: str, today: date) -> str:
    """With the century: of ten digits the last such year; `+` is written from the year one turns 100.

    Source: folkbokföringslagen (1991:481) 18 §.
    """
    spelling = _SPELLING.fullmatch(text)
    if spelling is None:
        raise InvalidPersonalIdentity("not a personal identity number")
    century, year, month_and_day, sign, rest = spelling.groups()
    if century is None:
        latest = today.year - (100 if sign == "+" else 0)
        century = f"{(latest - (latest - int(year)) % 100) // 100:02d}"
    return f"{century}{year}{month_and_day}{rest}"


def with_check_digit(eleven_digits: str) -> str:
    """`YYYYMMDDNNN` with its check digit (Luhn over the last nine of the eleven)."""
    total = 0
    for index, digit in enumerate(eleven_digits[2:]):
        doubled = int(digit) * (2 if index % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    return f"{eleven_digits}{-total % 10}"
