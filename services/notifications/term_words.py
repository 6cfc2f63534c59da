"""What becomes of a place or a queue position in the next term, in the words of a letter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.chassis.refusals import N_


@dataclass(frozen=True, slots=True)
class Words:
    """Subject and first sentence, to the pupil itself (`own`) and to its guardian."""

    own_subject: str
    own: str
    subject: str
    other: str


_WAITS_ON = Words(
    N_("You wait for next term: %(course)s"),
    N_(
        "The term ends, and your place in the queue for %(course)s at %(school)s goes on next term with the "
        "same queue date. You are number %(position)s."
    ),
    N_("%(pupil)s waits for next term: %(course)s"),
    N_(
        "The term ends, and the place of %(pupil)s in the queue for %(course)s at %(school)s goes on next "
        "term with the same queue date: number %(position)s."
    ),
)
_APPLIED = Words(
    N_("You are in the queue: %(course)s"),
    N_(
        "Thank you for your application. You have place number %(position)s in the queue for %(course)s at "
        "%(school)s."
    ),
    N_("%(pupil)s is in the queue: %(course)s"),
    N_(
        "Thank you for your application. %(pupil)s has place number %(position)s in the queue for "
        "%(course)s at %(school)s."
    ),
)
# (kind of letter, rule) -> the words instead of those for who has just applied.
BY_RULE: Mapping[tuple[str, str], Words] = {
    ("place", "carried_over"): Words(
        N_("You keep your place: %(course)s"),
        N_("Your place on %(course)s at %(school)s goes on next term. You need not do anything."),
        N_("%(pupil)s keeps the place: %(course)s"),
        N_("The place of %(pupil)s on %(course)s at %(school)s goes on next term. You need not do anything."),
    ),
    ("offered", "carried_over"): Words(
        N_("Do you want to go on next term? %(course)s"),
        N_("Your place on %(course)s at %(school)s goes on next term if you confirm it."),
        N_("Does %(pupil)s want to go on next term? %(course)s"),
        N_("The place of %(pupil)s on %(course)s at %(school)s goes on next term if you confirm it."),
    ),
    ("queued", "queue_carried_over"): _WAITS_ON,
    ("queued", "queue_to_confirm"): _WAITS_ON,
    ("queued", "fewer_seats"): _WAITS_ON,
    ("queued", "main_admission"): _APPLIED,
    ("queued", "kept_seats"): _APPLIED,
}
NOT_CONTINUED = Words(
    N_("Your place ends with the term: %(course)s"),
    N_("Your place on %(course)s at %(school)s stands until the term is over. It does not go on next term."),
    N_("The place ends with the term: %(course)s"),
    N_(
        "The place of %(pupil)s on %(course)s at %(school)s stands until the term is over. It does not go on "
        "next term."
    ),
)
# Why it does not go on; a reason that is new to us has the words of BY_THE_RULES.
REASONS: Mapping[str, str] = {
    "given_up": N_("The place was given up for next term, on your page."),
    "not_confirmed": N_("The place was not confirmed in time."),
    "course_not_continued": N_("The school does not hold the course next term."),
    "course_cancelled": N_("Next term’s course is cancelled."),
    "pupil_too_old": N_("The course is for younger pupils: the age is counted when the term begins."),
    "pupil_too_young": N_("The course is for older pupils next term."),
    "home_municipality_not_a_member": N_(
        "The home municipality is not in the cooperation next term, so shared courses are not open to it."
    ),
    "host_municipality_not_a_member": N_(
        "The school’s municipality is not in the cooperation next term: the course is for its own pupils."
    ),
    "course_not_shared": N_("Next term the course is for pupils who live in the school’s own municipality."),
    "adults_end": N_("By the school’s rules adults have a place for one term at a time. Apply again."),
    "adult_no_space": N_(
        "Children wait for the course, and by the school’s rules adults make room for them."
    ),
    "new_application": N_("By the school’s rules a place is for one term at a time. Apply again."),
    "ceiling_reached": N_("The home municipality pays for no more places elsewhere next term."),
}
BY_THE_RULES = N_("The pupil may not take the course next term by the school’s rules.")
