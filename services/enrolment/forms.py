"""Fields of enrolment's forms and API bodies; pages and API check by the same."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields

from services.enrolment.domain.requests import is_readable


class Text(fields.String):
    """A name as a person means it: spaces of any kind are one space between words, and it is not blank."""

    def _deserialize(self, *given: Any, **more: Any) -> str:
        text = " ".join(str(super()._deserialize(*given, **more)).split())
        if not is_readable(text):
            raise ValidationError("Not a text that can be read.")
        return text


class KeyField(fields.String):
    """An id that somebody else made: a course's, a pupil's."""

    def _deserialize(self, *given: Any, **more: Any) -> str:
        text = str(super()._deserialize(*given, **more))
        if not is_readable(text):
            raise ValidationError("Not an id.")
        return text
