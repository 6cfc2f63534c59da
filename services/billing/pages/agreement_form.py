"""The form of a whole new version of the agreement: filled in from the newest, and read back strictly."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from services.billing.domain.agreements import (
    BY_PERIOD,
    FIXED,
    ORE,
    REMINDER_DAYS,
    DayOfYear,
    Membership,
    PopulationRule,
    Terms,
)
from services.billing.domain.basis import Agreement
from services.billing.forms import REQUIRED, STALE_FORM, WRITE_DATE
from services.billing.presenting import swedish_order
from services.billing.presenting_agreement import CHANGES, POPULATIONS, ROUNDING, day_text
from services.chassis.refusals import N_
from services.contracts.fact import LocalText

WRITE_DAYS = N_("Write month and day, for instance 12-31; several with commas between.")
WRITE_NUMBER = N_("Write a whole number.")
EMPTY_ROWS = 2
_DAY = re.compile(r"([0-9]{1,2})-([0-9]{1,2})")


class DaysOfYear(fields.Field[tuple[DayOfYear, ...]]):
    """`01-31, 07-31`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[DayOfYear, ...]:
        found = [_DAY.fullmatch(part.strip()) for part in str(value).split(",") if part.strip()]
        if not found or any(each is None for each in found):
            raise ValidationError(WRITE_DAYS)
        days = tuple(DayOfYear(int(each[1]), int(each[2])) for each in found if each)
        if any(not 1 <= day.month <= 12 or not 1 <= day.day <= 31 for day in days):
            raise ValidationError(WRITE_DAYS)
        return days


class Numbers(fields.Field[tuple[int, ...]]):
    """`10, 30`, or nothing."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[int, ...]:
        parts = [part.strip() for part in str(value).split(",") if part.strip()]
        if any(re.fullmatch(r"[0-9]{1,4}", part) is None for part in parts):
            raise ValidationError(WRITE_NUMBER)
        return tuple(map(int, parts))


def _text(longest: int) -> fields.String:
    length = validate.Length(max=longest, error=N_("That is too long."))
    return fields.String(required=True, validate=length, error_messages={"required": REQUIRED})


def _number() -> fields.Integer:
    messages: dict[str, Any] = {"required": REQUIRED, "invalid": WRITE_NUMBER}
    return fields.Integer(required=True, validate=validate.Range(-1, 10_000), error_messages=messages)


def _choice(options: Mapping[str, str]) -> fields.String:
    return fields.String(
        required=True,
        validate=validate.OneOf(tuple(options), error=REQUIRED),
        error_messages={"required": REQUIRED},
    )


_DATE: dict[str, Any] = {"required": REQUIRED, "invalid": WRITE_DATE}


class AgreementForm(Schema):
    version = fields.Integer(required=True, error_messages={"required": STALE_FORM, "invalid": STALE_FORM})
    valid_from = fields.Date(required=True, error_messages=_DATE)
    valid_to = fields.Date(load_default=None, error_messages=_DATE)
    region_percent = _number()
    text_sv = _text(2000)
    text_en = _text(2000)
    source = _text(300)
    population_kind = _choice(POPULATIONS)
    population_day = DaysOfYear(required=True, error_messages={"required": REQUIRED})
    years_before = _number()
    due_days = DaysOfYear(required=True, error_messages={"required": REQUIRED})
    rounding = _choice(ROUNDING)
    change = _choice(CHANGES)
    payment_days = _number()
    netting = fields.Boolean(load_default=False)
    reminder_days = Numbers(load_default=())
    from_register = fields.Boolean(load_default=False)


def filled_in(newest: Agreement | None, members: Sequence[Membership], today: date) -> dict[str, str]:
    """The form as it is first shown: the newest version's terms, to be changed."""
    terms = (newest.terms if newest else None) or _FIRST
    rule = terms.population
    given = {
        "version": str(newest.version + 1 if newest else 1),
        "valid_from": date(today.year + 1, 1, 1).isoformat(),
        "valid_to": "",
        "region_percent": str(newest.region_percent if newest else 50),
        "text_sv": newest.text.sv if newest else "",
        "text_en": newest.text.en if newest else "",
        "source": "",
        "population_kind": rule.kind,
        "population_day": day_text(rule.day),
        "years_before": str(rule.years_before),
        "due_days": ", ".join(map(day_text, terms.due_days)),
        "rounding": terms.rounding,
        "change": terms.change,
        "payment_days": str(terms.payment_days),
        "netting": "1" if terms.netting else "",
        "reminder_days": ", ".join(map(str, terms.reminder_days)),
        "from_register": "1" if terms.members is None else "",
    }
    for row, span in enumerate(sorted(members, key=lambda span: (swedish_order(span.name), span.joined_on))):
        given[f"member_{row}"] = span.code
        given[f"joined_{row}"] = span.joined_on.isoformat()
        given[f"left_{row}"] = span.left_on.isoformat() if span.left_on else ""
    return given


_FIRST = Terms(
    PopulationRule(FIXED, DayOfYear(12, 31), 1),
    (DayOfYear(1, 31), DayOfYear(4, 30), DayOfYear(7, 31), DayOfYear(10, 31)),
    ORE,
    BY_PERIOD,
    payment_days=30,
    netting=True,
    reminder_days=REMINDER_DAYS,
)


def member_rows(given: Mapping[str, str]) -> range:
    """The rows of members that the form shows: those that are filled in, and a few empty ones."""
    filled = [
        int(name[7:]) for name, text in given.items() if re.fullmatch(r"member_[0-9]{1,3}", name) and text
    ]
    return range(max(filled, default=-1) + 1 + EMPTY_ROWS)


def read(
    given: Mapping[str, str], newest: Agreement | None, region: tuple[str, str], names: Mapping[str, str]
) -> Agreement:
    """The version as the form says it; its price list is the newest's. `region` is code and name.

    Raises ValidationError, naming the field.
    """
    own = {name: given[name] for name in AgreementForm().fields if given.get(name, "").strip()}
    form: dict[str, Any] = AgreementForm().load(own)
    if len(form["population_day"]) != 1:
        raise ValidationError({"population_day": [WRITE_DAYS]})
    kept = newest.terms if newest else None
    rule = PopulationRule(form["population_kind"], form["population_day"][0], form["years_before"])
    terms = Terms(
        rule,
        form["due_days"],
        form["rounding"],
        form["change"],
        form["payment_days"],
        form["netting"],
        kept.prices if kept else (),
        None if form["from_register"] else _members(given, names),
        form["reminder_days"],
    )
    return Agreement(
        form["version"],
        form["valid_from"],
        form["valid_to"],
        newest.region_code if newest else region[0],
        newest.region_name if newest else region[1],
        form["region_percent"],
        LocalText(form["text_sv"].strip(), form["text_en"].strip()),
        form["source"].strip(),
        terms,
    )


def _members(given: Mapping[str, str], names: Mapping[str, str]) -> tuple[Membership, ...]:
    found = []
    for row in member_rows(given):
        code = given.get(f"member_{row}", "").strip()
        if code:
            joined_on = _day(given, f"joined_{row}")
            if joined_on is None:
                raise ValidationError({f"joined_{row}": [WRITE_DATE]})
            found.append(Membership(code, names.get(code, code), joined_on, _day(given, f"left_{row}")))
    return tuple(sorted(found, key=lambda span: (span.code, span.joined_on)))


def _day(given: Mapping[str, str], name: str) -> date | None:
    text = given.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise ValidationError({name: [WRITE_DATE]}) from error
