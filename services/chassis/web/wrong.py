"""What is wrong with a form that comes back: in the reader's words, at the field to put right."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError

from services.chassis.refusals import N_, Refused

if TYPE_CHECKING:
    from services.chassis.web.context import Context

_UNFIT = N_("This does not fit. Check it, and send the form again.")

# marshmallow's own messages, which are for programs, as a person reads them. A message that is none of these
# is a text of the translation catalogue already.
_SENTENCES = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"Missing data for required field\.|Field may not be null\.", N_("Fill this in.")),
        (r"Shorter than minimum length 1\.", N_("Fill this in.")),
        (r"Length must be between 1 and (?P<most>\d+)\.", N_("Write at most %(most)s characters.")),
        (
            r"Length must be between (?P<least>\d+) and (?P<most>\d+)\.",
            N_("Write %(least)s to %(most)s characters."),
        ),
        (r"Longer than maximum length (?P<most>\d+)\.", N_("Write at most %(most)s characters.")),
        (r"Not a valid integer\.|Not a valid number\.", N_("Write a whole number with figures.")),
        (
            r"Must be greater than or equal to (?P<least>-?\d+) and less than or equal to (?P<most>-?\d+)\.",
            N_("Write a number from %(least)s to %(most)s."),
        ),
        (r"Must be greater than or equal to (?P<least>-?\d+)\.", N_("Write %(least)s or more.")),
        (r"Must be less than or equal to (?P<most>-?\d+)\.", N_("Write %(most)s or less.")),
        (r"Not a valid date\.", N_("Write a date as year, month and day, for instance 2026-12-31.")),
        (
            r"Not a valid email address\.",
            N_("Write an e-mail address, for instance name@example.se."),
        ),
        (r"Must be one of: .*|Not a valid choice\.", N_("Choose one of the list.")),
        (
            r"Not a valid \w+\.|String does not match expected pattern\.|Unknown field\."
            r"|Not a UUID in lower case\.",
            _UNFIT,
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Wrong:
    """`errors` are (field, sentence in the reader's language); the field is "" where it is about none."""

    status: int = 200
    errors: tuple[tuple[str, str], ...] = ()

    def of(self, name: str) -> str:
        """The sentence about the field; "" where nothing is wrong with it."""
        return dict(self.errors).get(name, "")


NOTHING_WRONG = Wrong()


def what_is_wrong(context: Context, error: ValidationError | Refused, about: str = "") -> Wrong:
    """What a form that comes back says; `about` is the field that a refusal is about."""
    if isinstance(error, Refused):
        return Wrong(error.refusal.status, ((about, context.refusal_text(error.refusal)),))
    return Wrong(422, tuple(sentences(context, error)))


def by_field(error: ValidationError) -> dict[str, Any]:
    """marshmallow's messages by the field's name; "input" where they are about none."""
    messages = error.messages
    return messages if isinstance(messages, dict) else {"input": messages}


def sentences(context: Context, error: ValidationError) -> list[tuple[str, str]]:
    """(field, sentence in the reader's language) for each field that does not fit."""
    found = []
    for name, messages in by_field(error).items():
        text, facts = spoken(first_of(messages))
        found.append(("" if name in ("input", "_schema") else str(name), context.texts.gettext(text) % facts))
    return found


def spoken(message: str) -> tuple[str, Mapping[str, str]]:
    """The text of the catalogue that says what marshmallow's message means, and its figures."""
    for pattern, text in _SENTENCES:
        if found := pattern.fullmatch(message):
            return text, found.groupdict()
    return message, {}


def first_of(problem: Any) -> str:
    """The first message of a field, however deep it lies."""
    while isinstance(problem, dict | list) and problem:
        problem = next(iter(problem.values())) if isinstance(problem, dict) else problem[0]
    return str(problem)
