"""Swedish personal identity numbers (personnummer) and coordination numbers (samordningsnummer)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from personnummer import personnummer

COORDINATION_DAY_OFFSET = 60


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
    try:
        parsed = personnummer.parse(text.strip())
    except (personnummer.PersonnummerException, ValueError) as error:
        raise InvalidPersonalIdentity("not a personal identity number") from error
    number = parsed.format(long_format=True).replace("-", "").replace("+", "")
    day = int(number[6:8])
    is_coordination = day > COORDINATION_DAY_OFFSET
    try:
        born_on = date(
            int(number[:4]), int(number[4:6]), day - (COORDINATION_DAY_OFFSET if is_coordination else 0)
        )
    except ValueError as error:
        raise InvalidPersonalIdentity("not a date") from error
    if born_on > today:
        raise InvalidPersonalIdentity("a date in the future")
    return PersonalIdentity(number, born_on, is_coordination, parsed.is_female())


def with_check_digit(eleven_digits: str) -> str:
    """`YYYYMMDDNNN` with its check digit (Luhn over the last nine of the eleven)."""
    total = 0
    for index, digit in enumerate(eleven_digits[2:]):
        doubled = int(digit) * (2 if index % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    return f"{eleven_digits}{-total % 10}"
