"""Fields of forms and bodies that more than one service reads."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields

from services.chassis.ids import is_id


class IdField(fields.String):
    """An id made by the caller, in the one spelling that is stored."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = str(super()._deserialize(value, attr, data, **kwargs))
        if not is_id(text):
            raise ValidationError("Not a UUID in lower case.")
        return text
