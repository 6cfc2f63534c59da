"""What people fill in, read strictly; every message is a text of the translation catalogue."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from services.chassis.ids import is_id
from services.chassis.money import parse_kronor
from services.chassis.refusals import N_

REQUIRED = N_("Fill this in.")
NO_AMOUNT = N_("Write an amount in kronor with figures, for instance 1 000 000 or 1 000 000,50.")
TOO_FINE = N_("An öre is the smallest part of a krona: write at most two decimals.")

_AMOUNT = re.compile(r"-?[0-9]{1,13}([.,][0-9]+)?")
_UNIT = re.compile(r"(kr|sek)\.?$", re.IGNORECASE)


class Kronor(fields.Field[int]):
    """Öre from kronor as a person writes them. 250.000 is refused: it could mean 250 or 250 000."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        compact = _UNIT.sub("", "".join(str(value).split()))
        amount = _AMOUNT.fullmatch(compact)
        if amount is None:
            raise ValidationError(NO_AMOUNT)
        if len(amount[1] or "") > 3:
            raise ValidationError(TOO_FINE)
        try:
            return parse_kronor(compact)
        except ValueError as error:
            raise ValidationError(NO_AMOUNT) from error


class People(fields.Field[int]):
    """A count of people as a person writes it, `22 590`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        compact = "".join(str(value).split())
        if re.fullmatch(r"-?[0-9]{1,9}", compact) is None:
            raise ValidationError(N_("Write a whole number of people, for instance 22 590."))
        return int(compact)


def _messages(invalid: str) -> dict[str, Any]:
    return {"required": REQUIRED, "invalid": invalid, "null": REQUIRED}


WRITE_YEAR = N_("Write a year with four figures, for instance 2025.")
WRITE_DATE = N_("Write a date as year, month and day, for instance 2024-12-31.")
STALE_FORM = N_("The form is damaged. Reload the page and fill it in again.")


def is_run_id(text: str) -> None:
    if not is_id(text):
        raise ValidationError(STALE_FORM)


class OpenYearForm(Schema):
    year = fields.Integer(
        required=True,
        validate=validate.Range(0, 9999, error=WRITE_YEAR),
        error_messages=_messages(WRITE_YEAR),
    )
    budget = Kronor(required=True, error_messages={"required": REQUIRED})
    population_date = fields.Date(required=True, error_messages=_messages(WRITE_DATE))
    run_id = fields.String(
        required=True,
        validate=is_run_id,
        error_messages={"required": STALE_FORM, "invalid": STALE_FORM},
    )


class PopulationForm(Schema):
    municipality_code = fields.String(
        required=True,
        validate=validate.Length(max=4, error=N_("Choose a municipality.")),
        error_messages=_messages(N_("Choose a municipality.")),
    )
    reference_date = fields.Date(required=True, error_messages=_messages(WRITE_DATE))
    population = People(required=True, error_messages={"required": REQUIRED})
    source = fields.String(
        required=True,
        validate=validate.Length(max=300, error=N_("At most 300 characters.")),
        error_messages=_messages(REQUIRED),
    )
