"""Names of rules and orders in plain words, marked for translation."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from services.chassis.refusals import N_

Say = Callable[[str], str]

# The drawn sign of an art form in the stylesheet; an unknown one gets the sign of "other".
ART_SIGNS = {
    "music_instrument": "music",
    "music_ensemble": "ensemble",
    **{
        key: key
        for key in ("image", "circus", "dance", "film", "photo", "musical", "theatre", "writing", "other")
    },
}

_ORDERS = {
    "children_before_adults": N_("children before adults"),
    "new_pupils_first": N_("new pupils before those who take a course already"),
    "host_residents_first": N_("those who live in the municipality before others"),
    "moved_in_first": N_("those who moved in and played in another school before others"),
    "on_time_first": N_("those who applied in time before those who came later"),
    "siblings_first": N_("those with a brother or sister on the course before others"),
    "queue_date": N_("the date of application"),
    "queue_day": N_("the day of application"),
    "lottery": N_("a lottery between those who are equal"),
}

_RULES = {
    "shared_courses": N_("The rule of the cooperation: shared courses are open to every member municipality"),
    "members": N_("The rule of the cooperation: who is a member"),
    "school": N_("The school's rule: who goes to school in the municipality counts as its own"),
    "audience": N_("The school's rule: which courses are for teachers"),
    "birth": N_("The school's rule: in which years the pupils are born"),
    "ages": N_("The school's rule: for which ages the course is"),
    "residents": N_("The school's rule: its courses are for those who live in the municipality"),
    "application_period": N_("The school's rule: when one may apply"),
}


def art_sign(key: str) -> str:
    return ART_SIGNS.get(key, "other")


def rule_in_words(rule: str | None, say: Say) -> str:
    """`cooperation/shared_courses` as a sentence; empty where there is none for it."""
    words = _RULES.get((rule or "").rpartition("/")[2])
    return "" if words is None else say(words)


def order_in_words(order: Iterable[str], say: Say) -> list[str]:
    return [say(_ORDERS.get(criterion, criterion)) for criterion in order]
