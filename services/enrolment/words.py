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
    "admission_round": N_("The place was given in the admission round, to everybody at once."),
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

ROUND_STATES = {
    "open": N_("Families rank"),
    "run": N_("Run, not published"),
    "published": N_("Published"),
}
ROUND_STATE_KINDS = {"open": "info", "run": "warn", "published": "ok"}
RUN_KINDS = {"rehearsal": N_("Rehearsal"), "final": N_("The run that counts")}

WISH_OUTCOMES = {
    "placed": N_("The place"),
    "full": N_("Full: others were ahead in the school's order"),
    "not_needed": N_("Not needed: a better wish came true"),
    "refused": N_("Not possible under the rules any more"),
}
WISH_CRITERIA = {
    "queue_date": N_("They had waited longer."),
    "new_pupils_first": N_("Pupils without a place at the school go first."),
    "host_residents_first": N_("Pupils who live in the municipality go first."),
    "children_before_adults": N_("Children and young people go before adults."),
    "lottery": N_("They were equal in everything else, and the lottery decided."),
}
