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
    "moved_in_first": N_("Pupils who moved in and played in another municipality's school go first."),
    "on_time_first": N_("Those who applied in time go before those who came later."),
    "siblings_first": N_("Pupils with a brother or sister on the course go first."),
    "queue_day": N_("The queue goes by the day of application."),
    "lottery": N_("Among those who are equal a lottery decides."),
    "reserved_seat": N_("The places that are free are kept for pupils of another municipality."),
    "ceiling_reached": N_(
        "A place is free, but the home municipality pays for no more places elsewhere this term."
    ),
    "carried_over": N_("By the school's rules who has a place goes on next term before others come."),
    "queue_carried_over": N_("By the school's rules the place in the queue goes on with its queue date."),
    "queue_to_confirm": N_(
        "By the school's rules the place in the queue goes on with its queue date if you confirm it."
    ),
    "fewer_seats": N_(
        "The course has fewer places next term. Those who have had theirs longest keep it, and the others "
        "wait with their old queue date."
    ),
    "main_admission": N_(
        "The school gives its places on one day, to those who wait by then, in the order of its rules."
    ),
    "kept_seats": N_(
        "The places that are free are kept for those who are on the course this term, until it is settled "
        "who of them goes on."
    ),
    "seats_together": N_(
        "There are too few free places for all the siblings. They get places together or not at all."
    ),
    "kept_after_refusal": N_(
        "The offer was not taken. By the school's rules the place in the queue is kept this time."
    ),
}


def rule_in_words(rule: str) -> str:
    """An English text of the catalogue; a rule that is new to us by its own name, rather than no reason.

    A rule may carry the rule book it stands in before a slash: `sala-2024/queue_date`.
    """
    return _WORDS.get(rule.rpartition("/")[2], rule)
