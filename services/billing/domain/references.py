"""Numbers that find a payer or an invoice: payment references with check digits, organisation numbers.

A payment reference (OCR) is 2 to 25 digits whose last one is a check digit by modulus 10 (Luhn). A payee can
have its bank demand a length digit before it: the last digit of the reference's whole length. So the
Bankgirot rules for OCR references, which a bank enforces before a payment is let through.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from stdnum import luhn
from stdnum.exceptions import ValidationError
from stdnum.se import orgnr

from services.chassis.refusals import N_, Refusal, Refused

LONGEST = 25
SHORTEST = 2

_DIGITS = re.compile(r"[0-9]+")
# Digits as people write them in a message: in groups, with single spaces or dashes between.
_RUN = re.compile(r"(?<![0-9A-Za-z])[0-9](?:[ \-]?[0-9])*(?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True)
class ReferenceKind:
    """Which references a payee gives out; both ends of a payment must know it."""

    length_digit: bool = False


def make_reference(number: str, kind: ReferenceKind) -> str:
    """`number` (digits) with the length digit, if the kind has one, and the check digit.

    Raises ValueError where `number` is no digits or the reference would be too long.
    """
    if _DIGITS.fullmatch(number) is None:
        raise ValueError("a payment reference is made of digits")
    body = number
    if kind.length_digit:
        body += str((len(number) + 2) % 10)
    if len(body) + 1 > LONGEST:
        raise ValueError(f"a payment reference has at most {LONGEST} digits")
    return body + str(luhn.calc_check_digit(body))


def is_reference(text: str, kind: ReferenceKind) -> bool:
    """Whether `text`, digits only, is a reference of this kind."""
    if _DIGITS.fullmatch(text) is None or not SHORTEST + kind.length_digit <= len(text) <= LONGEST:
        return False
    if kind.length_digit and int(text[-2]) != len(text) % 10:
        return False
    return bool(luhn.is_valid(text))


def read_reference(text: str, kind: ReferenceKind) -> str:
    """The digits of a reference as a person or a bank writes it. Raises Refused: reference_invalid."""
    compact = re.sub(r"[\s\-]", "", text)
    if not is_reference(compact, kind):
        raise Refused(
            Refusal(
                "reference_invalid",
                N_("%(reference)s is no payment reference: its check digit or its length is wrong."),
                {"reference": text[:40]},
                rule="bankgirot-ocr-modulus-10",
                status=422,
            )
        )
    return compact


def references_in(text: str, kind: ReferenceKind) -> tuple[str, ...]:
    """Valid references among the words of a message, in their order; each once. Too short ones are chance."""
    found: dict[str, None] = {}
    for run in _RUN.finditer(text[:2000]):
        for part in (run[0], *re.split(r"[ \-]", run[0])):
            compact = re.sub(r"[ \-]", "", part)
            if len(compact) >= 5 and is_reference(compact, kind):
                found[compact] = None
    return tuple(found)


def read_organisation_number(text: str) -> str:
    """Ten digits of a Swedish organisation number, its check digit verified.

    Written with or without the dash, or with the century digits 16 that some registers put before it. Of a
    legal person the third digit is at least 2: below it is a date of birth. Raises Refused:
    organisation_number_invalid.
    """
    compact = re.sub(r"[\s\-]", "", text)
    if len(compact) == 12 and compact.startswith("16"):
        compact = compact[2:]
    try:
        number: str = orgnr.validate(compact)
    except ValidationError:
        number = ""
    if _DIGITS.fullmatch(number) is None or int(number[2]) < 2:
        raise Refused(
            Refusal(
                "organisation_number_invalid",
                N_("%(number)s is not the organisation number of a Swedish legal person."),
                {"number": text[:20]},
                rule="skatteverket-organisationsnummer",
                status=422,
            )
        )
    return number


def is_organisation_number(text: str) -> bool:
    try:
        read_organisation_number(text)
    except Refused:
        return False
    return True


def written_organisation_number(number: str) -> str:
    """Ten digits as people read them, `212000-2098`."""
    return f"{number[:6]}-{number[6:]}"


def vat_number(organisation_number: str) -> str:
    """The VAT identifier that goes with an organisation number."""
    return f"SE{organisation_number}01"
