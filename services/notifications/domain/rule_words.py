"""The rules that enrolment decides by, in words that a family reads in a mail."""

from __future__ import annotations

from collections.abc import Mapping

from services.chassis.refusals import N_

_WORDS: Mapping[str, str] = {
    "free_seat": N_("There was a free place, and nobody was waiting for it."),
    "next_in_queue": N_("The application was next in the queue when a place came free."),
    "queue_date": N_("The queue goes by the date of application: who applied first is first in line."),
    "new_pupils_first": N_(
        "Pupils who have no place at the school yet go first. After that, the queue goes by the date of "
        "application."
    ),
    "host_residents_first": N_(
        "Pupils who live in the school's own municipality go first. After that, the queue goes by the date "
        "of application."
    ),
    "children_before_adults": N_(
        "Children and young people go before adults. After that, the queue goes by the date of application."
    ),
}


def rule_in_words(rule: str) -> str:
    """An English text of the catalogue; a rule that is new to us by its own name, rather than no reason.

    A rule may carry the rule book it stands in before a slash: `sala-2024/queue_date`.
    """
    return _WORDS.get(rule.rpartition("/")[2], rule)
