"""What forms and API clients may send, as marshmallow schemas; pages and API check by the same."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from services.catalogue.domain.course_file import MOST_BYTES
from services.catalogue.queries.search import MOST_PAGES, SORTS

# A NUL, or half a character, which JSON can write.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Text(fields.String):
    """A text without the signs that no database can store."""

    def _deserialize(self, *given: Any, **more: Any) -> Any:
        text = super()._deserialize(*given, **more)
        if text is not None and _UNSTORABLE.search(text):
            raise ValidationError("Holds a control character.")
        return text


CODE = validate.Regexp(r"\A[0-9]{4}\Z", error="Four digits.")
AGE = validate.Range(0, 130)


class CourseSearch(Schema):
    words = Text(validate=validate.Length(max=100), metadata={"description": "Words"})
    art_form = Text(validate=validate.Length(max=32))
    age = fields.Integer(validate=AGE, metadata={"description": "Years on the first day of the term"})
    municipality = fields.String(validate=CODE, metadata={"description": "The host's code"})
    free = fields.Boolean(metadata={"description": "Only courses with free places"})
    term = Text(validate=validate.Length(max=16))
    home = fields.String(
        validate=CODE, metadata={"description": "Where the child lives: says whether a course is open to it"}
    )
    sort = fields.String(validate=validate.OneOf(SORTS))
    page = fields.Integer(validate=validate.Range(1, MOST_PAGES))


class EligibilityQuery(Schema):
    home = fields.String(required=True, validate=CODE)
    age = fields.Integer(required=True, validate=AGE)


class CancelBody(Schema):
    """Why, in both languages: the families read it."""

    reason_sv = Text(required=True, validate=validate.Length(min=3, max=500))
    reason_en = Text(required=True, validate=validate.Length(min=3, max=500))


class ImportBody(Schema):
    csv = fields.String(required=True, validate=validate.Length(max=MOST_BYTES))
    term_id = fields.String(validate=validate.Length(max=16))
    dry_run = fields.Boolean(load_default=False)
