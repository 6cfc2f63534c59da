"""How an application, an offer or a place ended, in the words of a letter."""

from __future__ import annotations

from collections.abc import Mapping

from services.chassis.refusals import N_

# (outcome, what it was) -> the words to the pupil itself, and to its guardian.
ENDINGS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("withdrawn", "place"): (
        N_("You have given up your place on %(course)s at %(school)s."),
        N_("%(pupil)s no longer has a place on %(course)s at %(school)s: the place has been given up."),
    ),
    ("withdrawn", "queue"): (
        N_("You no longer stand in the queue for %(course)s at %(school)s."),
        N_("%(pupil)s no longer stands in the queue for %(course)s at %(school)s."),
    ),
    ("withdrawn", "offer"): (
        N_("The place on %(course)s at %(school)s is no longer held for you: the application is withdrawn."),
        N_(
            "The place on %(course)s at %(school)s is no longer held for %(pupil)s: the application is "
            "withdrawn."
        ),
    ),
    ("declined", "offer"): (
        N_("You have said no to the place on %(course)s at %(school)s. It goes to the next in the queue."),
        N_(
            "The place on %(course)s at %(school)s that was held for %(pupil)s has been declined. It goes to "
            "the next in the queue."
        ),
    ),
    ("expired", "offer"): (
        N_(
            "The last day to answer has passed, so the place on %(course)s at %(school)s goes to the next in "
            "the queue."
        ),
        N_(
            "The last day to answer has passed, so the place on %(course)s at %(school)s that was held for "
            "%(pupil)s goes to the next in the queue."
        ),
    ),
    ("one_instrument", "queue"): (
        N_(
            "You have accepted a place on another instrument. %(school)s teaches a pupil one instrument at a "
            "time, so you no longer stand in the queue for %(course)s."
        ),
        N_(
            "%(pupil)s has a place on another instrument. %(school)s teaches a pupil one instrument at a "
            "time, so %(pupil)s no longer stands in the queue for %(course)s."
        ),
    ),
    ("better_choice", "place"): (
        N_("You have a place that you ranked higher, so your place on %(course)s at %(school)s has ended."),
        N_(
            "%(pupil)s has a place that you ranked higher, so the place on %(course)s at %(school)s has "
            "ended."
        ),
    ),
    ("better_choice", "offer"): (
        N_(
            "You have a place that you ranked higher, so the place on %(course)s at %(school)s is no longer "
            "held for you."
        ),
        N_(
            "%(pupil)s has a place that you ranked higher, so the place on %(course)s at %(school)s is no "
            "longer held."
        ),
    ),
    ("better_choice", "queue"): (
        N_(
            "You have a place that you ranked higher, so you no longer stand in the queue for %(course)s at "
            "%(school)s."
        ),
        N_(
            "%(pupil)s has a place that you ranked higher, so %(pupil)s no longer stands in the queue for "
            "%(course)s at %(school)s."
        ),
    ),
    ("not_renewed", "place"): (
        N_("The place on %(course)s at %(school)s was not confirmed for the next term, and has ended."),
        N_(
            "The place of %(pupil)s on %(course)s at %(school)s was not confirmed for the next term, and has "
            "ended."
        ),
    ),
    ("not_renewed", "offer"): (
        N_(
            "The place on %(course)s at %(school)s was not confirmed in time. "
            "It goes to the next in the queue."
        ),
        N_(
            "The place of %(pupil)s on %(course)s at %(school)s was not confirmed in time. "
            "It goes to the next in the queue."
        ),
    ),
    ("not_carried_over", "queue"): (
        N_(
            "Your place in the queue for %(course)s at %(school)s ends with the term: the school does not "
            "hold the course next term, or it is not for you by its rules. Your queue date is kept for "
            "another course of the same subject."
        ),
        N_(
            "The place of %(pupil)s in the queue for %(course)s at %(school)s ends with the term: the school "
            "does not hold the course next term, or it is not for %(pupil)s by its rules. The queue date is "
            "kept for another course of the same subject."
        ),
    ),
    ("not_renewed", "queue"): (
        N_("The place in the queue for %(course)s at %(school)s was not confirmed, and has ended."),
        N_(
            "The place of %(pupil)s in the queue for %(course)s at %(school)s was not confirmed, and has "
            "ended."
        ),
    ),
}
ANOTHER_ENDING = (
    N_("Your application for %(course)s at %(school)s has ended."),
    N_("The application of %(pupil)s for %(course)s at %(school)s has ended."),
)
CANCELLATIONS: Mapping[str, tuple[str, str]] = {
    "place": (
        N_("Your place ends with it. You need not do anything."),
        N_("The place of %(pupil)s ends with it. You need not do anything."),
    ),
    "offer": (
        N_("The place that was held for you ends with it. You need not do anything."),
        N_("The place that was held for %(pupil)s ends with it. You need not do anything."),
    ),
    "queue": (
        N_("Your place in the queue ends with it. You need not do anything."),
        N_("The place in the queue of %(pupil)s ends with it. You need not do anything."),
    ),
}
