"""Fields of enrolment's forms and API bodies; pages and API check by the same."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields

from services.chassis.money import parse_kronor
from services.chassis.refusals import N_
from services.enrolment.domain.requests import is_readable

MOST_VOUCHER_ORE = 1_000_000  # more than any Fritidskort holds
EMPTY = N_("Fill this in.")
UNREADABLE = N_("Write it with letters and figures that can be read.")
NO_AMOUNT = N_("Write an amount in kronor with figures, for instance 500.")


class Text(fields.String):
    """A name as a person means it: spaces of any kind are one space between words, and it is not blank."""

    def _deserialize(self, *given: Any, **more: Any) -> str:
        text = " ".join(str(super()._deserialize(*given, **more)).split())
        if not is_readable(text):
            raise ValidationError(UNREADABLE if text else EMPTY)
        return text


class Kronor(fields.String):
    """An amount in kronor as a person writes it, in öre; empty is nothing."""

    def __init__(self, *, most_ore: int = MOST_VOUCHER_ORE, **more: Any) -> None:
        super().__init__(**more)
        self._most_ore = most_ore

    def _deserialize(self, *given: Any, **more: Any) -> int:  # type: ignore[override]  # a number from text
        text = str(super()._deserialize(*given, **more)).strip()
        try:
            ore = parse_kronor(text) if text else 0
        except ValueError as error:
            raise ValidationError(NO_AMOUNT) from error
        if not 0 <= ore <= self._most_ore:
            raise ValidationError(NO_AMOUNT)
        return ore


class KeyField(fields.String):
    """An id that somebody else made: a course's, a pupil's."""

    def _deserialize(self, *given: Any, **more: Any) -> str:
        text = str(super()._deserialize(*given, **more))
        if not is_readable(text):
            raise ValidationError("Not an id.")
        return text
