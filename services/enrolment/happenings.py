"""What has happened to an application or a pupil, as staff read and print it: in words, and by whom.

What is kept says reasons by key and people by role, municipality and id. On paper stand words, and of a
family only which side it was: a guardian's municipality may be what the other guardian must not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.chassis.ids import is_id
from services.chassis.refusals import N_
from services.chassis.web.context import Context
from services.chassis.web.languages import kronor, speakable
from services.enrolment import words
from services.enrolment.county import LOADER

_COST = re.compile(r"(?P<outcome>[a-z_]+), (?P<ore>[0-9]+) öre by .*", re.DOTALL)
_ANSWER = re.compile(r"(?P<answer>yes|no): (?P<why>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Happening:
    """All in the reader's words; `why` is "" where there is no more to say."""

    at: datetime
    what: str
    why: str
    by: str


def happenings(context: Context, events: Iterable[Any], names: Mapping[str, str]) -> list[Happening]:
    """`events` have `at`, `what`, `why` and `by`; `names` are municipalities by code."""
    say = context.texts.gettext
    return [
        Happening(
            each.at,
            say(words.EVENTS.get(each.what, each.what)),
            _why(context, each.what, each.why),
            _who(context, each.by, names),
        )
        for each in events
    ]


def _why(context: Context, what: str, why: str) -> str:
    say = context.texts.gettext
    if what == "ranked":
        return ""  # the ids of the choices, in the order that stands on the page
    if what == "skipped":
        return say(words.SKIPS.get(why, why))
    if what == "rental_ended":
        return speakable(words.instrument(why))
    if what == "settled" and (found := _ANSWER.fullmatch(why)):
        return f"{say(words.ANSWERS[found['answer']]).capitalize()}. {found['why']}"
    if what == "ended" and (found := _COST.fullmatch(why)):
        cost = say(N_("It costs %(cost)s.")) % {"cost": kronor(int(found["ore"]))}
        return f"{say(words.REASONS.get(found['outcome'], found['outcome']))}. {cost}"
    return say(words.REASONS.get(why, why))


def _who(context: Context, by: str, names: Mapping[str, str]) -> str:
    """A person of staff by name and municipality, a guardian or a pupil as that, and what goes by itself."""
    say = context.texts.gettext
    role, _, rest = by.partition(":")
    if role in words.FAMILY_ROLES:
        return say(words.FAMILY_ROLES[role])
    if not rest:
        return say(N_("Entered with the example data")) if by == LOADER else say(N_("Samklang, by the rules"))
    code, _, name = rest.partition(":")
    who, _, named = name.partition(":")
    name = named if is_id(who) and named else name
    return say(N_("%(name)s, %(municipality)s")) % {"name": name, "municipality": names.get(code, code)}
