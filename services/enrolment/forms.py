"""Fields of enrolment's forms and API bodies; pages and API check by the same."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields

from services.chassis.money import parse_kronor
from services.enrolment.domain.requests import is_readable

MOST_ORE = 1_000_000  # more than any Fritidskort holds


class Text(fields.String):
    """A name as a person means it: spaces of any kind are one space between words, and it is not blank."""

    def _deserialize(self, *given: Any, **more: Any) -> str:
        text = " ".join(str(super()._deserialize(*given, **more)).split())
        if not is_readable(text):
            raise ValidationError("Not a text that can be read.")
        return text


class Kronor(fields.String):
    """An amount in kronor as a person writes it, in öre; empty is nothing."""

    def _deserialize(self, *given: Any, **more: Any) -> int:  # type: ignore[override]  # a number from text
        text = str(super()._deserialize(*given, **more)).strip()
        try:
            ore = parse_kronor(text) if text else 0
        except ValueError as error:
            raise ValidationError("Not an amount in kronor.") from error
        if not 0 <= ore <= MOST_ORE:
            raise ValidationError("Not an amount in kronor.")
        return ore


class KeyField(fields.String):
    """An id that somebody else made: a course's, a pupil's."""

    def _deserialize(self, *given: Any, **more: Any) -> str:
        text = str(super()._deserialize(*given, **more))
        if not is_readable(text):
            raise ValidationError("Not an id.")
        return text
