"""What marshmallow says of a form, as a person reads it: every message it can give has a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import Schema, ValidationError, fields, validate

from services.chassis.web.inputs import IdField
from services.chassis.web.wrong import NOTHING_WRONG, Wrong, by_field, first_of, spoken


class Form(Schema):
    name = fields.String(required=True, validate=validate.Length(1, 20))
    title = fields.String(validate=validate.Length(3, 20))
    note = fields.String(validate=validate.Length(max=5))
    seats = fields.Integer(validate=validate.Range(1, 100))
    least = fields.Integer(validate=validate.Range(min=1))
    most = fields.Integer(validate=validate.Range(max=9))
    day = fields.Date()
    email = fields.Email()
    action = fields.String(validate=validate.OneOf(("accept", "decline")))
    code = fields.String(validate=validate.Regexp(r"[0-9]{4}\Z"))
    ticked = fields.Boolean()
    id = IdField()


UNFIT = "This does not fit. Check it, and send the form again."


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "Fill this in."),
        ({"name": None}, "Fill this in."),
        ({"name": ""}, "Write at most 20 characters."),
        ({"name": "x" * 21}, "Write at most 20 characters."),
        ({"title": "x"}, "Write 3 to 20 characters."),
        ({"note": "x" * 6}, "Write at most 5 characters."),
        ({"seats": "0"}, "Write a number from 1 to 100."),
        ({"seats": "-1"}, "Write a number from 1 to 100."),
        ({"seats": "abc"}, "Write a whole number with figures."),
        ({"seats": "2,5"}, "Write a whole number with figures."),
        ({"least": "0"}, "Write 1 or more."),
        ({"most": "10"}, "Write 9 or less."),
        ({"day": "yesterday"}, "Write a date as year, month and day, for instance 2026-12-31."),
        ({"day": "2027-02-29"}, "Write a date as year, month and day, for instance 2026-12-31."),
        ({"email": "nobody"}, "Write an e-mail address, for instance name@example.se."),
        ({"action": "both"}, "Choose one of the list."),
        ({"code": "19"}, UNFIT),
        ({"ticked": "perhaps"}, UNFIT),
        ({"id": "x"}, UNFIT),
        ({"other": "x"}, UNFIT),
    ],
)
def test_a_message_is_a_sentence(given: dict[str, Any], sentence: str) -> None:
    name = next(iter(given), "name")
    with pytest.raises(ValidationError) as caught:
        Form().load({"name": "Alma", **given} if given else {})
    text, facts = spoken(first_of(by_field(caught.value)[name]))
    assert text % facts == sentence


def test_a_text_of_the_catalogue_stays_as_it_is() -> None:
    assert spoken("Write an amount in kronor with figures, for instance 500.")[1] == {}
    assert by_field(ValidationError("Not so.")) == {"input": ["Not so."]}
    assert first_of({"0": {"code": ["Bad."]}}) == "Bad."


def test_what_is_wrong_with_a_field() -> None:
    wrong = Wrong(422, (("seats", "Write a number from 1 to 100."), ("", "Not now.")))
    assert (wrong.of("seats"), wrong.of("why")) == ("Write a number from 1 to 100.", "")
    assert NOTHING_WRONG.status == 200
