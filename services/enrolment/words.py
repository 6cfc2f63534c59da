"""Enrolment's rules and states in words, the same on pages, in the API's answers and in print."""

from __future__ import annotations

from services.chassis.refusals import N_

STATES = {
    "placed": N_("Has a place"),
    "offered": N_("Has an offer"),
    "queued": N_("In the queue"),
    "ended": N_("Ended"),
}

# Badge kinds of the design, by state.
STATE_KINDS = {"placed": "ok", "offered": "info", "queued": "queue", "ended": "neutral"}

OUTCOMES = {
    "withdrawn": N_("Withdrawn by the family"),
    "declined": N_("The offer was declined"),
    "course_cancelled": N_("The course was cancelled"),
}

RULES = {
    "free_seat": N_("There was a free seat, and nobody was waiting for it."),
    "next_in_queue": N_("A seat came free, and the pupil was next in the queue."),
    "queue_date": N_(
        "The course was full. The queue goes by date of application: who applied first is first."
    ),
    "new_pupils_first": N_(
        "The course was full. In this school's queue, pupils without a place at the school go first."
    ),
    "host_residents_first": N_(
        "The course was full. In this school's queue, pupils who live in the municipality go first."
    ),
    "children_before_adults": N_(
        "The course was full. In this school's queue, children and young people go before adults."
    ),
}
