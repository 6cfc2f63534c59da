"""Facts enrolment publishes.

People are ids here. A pupil with protected identity has neither guardian nor home municipality in a fact:
the number of pupils from a small municipality could point at one child. Names and addresses travel in the
stream `enrolment.contacts`, which only notifications reads. `guardian_id` is who applied, from the 18th
birthday the pupil itself, and `other_guardians` are those who read of it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from services.contracts.fact import Fact
from services.contracts.price import PriceLine


@dataclass(frozen=True, slots=True)
class PlaceGiven(Fact):
    """The pupil has a place. `rule` names the rule that gave it."""

    NAME, VERSION, SOURCE, SUBJECT = "place_given", 1, "enrolment", "application_id"

    application_id: str
    course_id: str
    pupil_id: str
    guardian_id: str | None
    home_municipality: str | None
    host_municipality: str
    term_id: str
    given_at: datetime
    rule: str
    other_guardians: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplicationQueued(Fact):
    """The course was full: the application waits. `position` is 1 for the next in line, as of `queued_at`."""

    NAME, VERSION, SOURCE, SUBJECT = "application_queued", 1, "enrolment", "application_id"

    application_id: str
    course_id: str
    pupil_id: str
    guardian_id: str | None
    home_municipality: str | None
    host_municipality: str
    term_id: str
    queued_at: datetime
    position: int
    rule: str
    # Of a queue position carried over to this term: the last day to confirm it, in Sweden.
    renew_by: date | None = None
    other_guardians: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlaceOffered(Fact):
    """A seat came free and is held for the next in line until the family has answered.

    `answer_by` is the last day to answer, in Sweden; None where the offer stands until it is answered.
    """

    NAME, VERSION, SOURCE, SUBJECT = "place_offered", 1, "enrolment", "application_id"

    application_id: str
    course_id: str
    pupil_id: str
    guardian_id: str | None
    offered_at: datetime
    rule: str
    answer_by: date | None = None
    other_guardians: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplicationEnded(Fact):
    """An application, an offer or a place that is no more.

    `outcome` is `withdrawn`, `declined`, `expired` (an offer that nobody answered in time), `one_instrument`
    (another instrument was accepted), `better_choice` (one ranked before it became a place), `not_renewed`,
    `not_carried_over` (no position in the next term's queue), `merged` (the pupil was there twice) or
    `course_cancelled`; `had` is `place`, `offer` or `queue`.
    `cost_ore` is what a late withdrawal costs.
    """

    NAME, VERSION, SOURCE, SUBJECT = "application_ended", 1, "enrolment", "application_id"

    application_id: str
    course_id: str
    pupil_id: str
    guardian_id: str | None
    outcome: str
    had: str
    ended_at: datetime
    cost_ore: int | None = None
    other_guardians: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlaceNotContinued(Fact):
    """A place that does not go on in the next term, `term_id`. It stands until its own term is over.

    `reason` is `given_up` (by the family), `not_confirmed` in time, `course_not_continued`,
    `course_cancelled`, `adults_end`, `adult_no_space`, `new_application` (the rule book wants one),
    `ceiling_reached`, or the name of the rule by which the pupil may not take the course any more,
    `pupil_too_old` for instance.
    """

    NAME, VERSION, SOURCE, SUBJECT = "place_not_continued", 1, "enrolment", "application_id"

    application_id: str
    course_id: str
    pupil_id: str
    guardian_id: str | None
    term_id: str
    reason: str
    decided_at: datetime
    other_guardians: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlacePriced(Fact):
    """What a place costs in its term, as of `priced_at`; said again whenever it has become another price.

    The newest one of an application holds, and none holds after its place has ended: what is to pay then is
    the ended application's `cost_ore`. `lines` sum to `total_ore`, rental and Fritidskort included; each
    names the sentence of the rule book behind it. `child_number` is which of the family's children the pupil
    is, the sibling step; `course_number` which of the pupil's own courses it is; both from 1. `rents` is the
    instrument that is rented, `rental_ore` what the lines hold of it. `voucher_ore` is what a Fritidskort
    pays of the price: the family pays `total_ore`, the voucher's office this. A pupil who is of age pays
    itself: `guardian_id` is the pupil's own id then.
    """

    NAME, VERSION, SOURCE, SUBJECT = "place_priced", 1, "enrolment", "application_id"

    application_id: str
    course_id: str
    pupil_id: str
    guardian_id: str | None
    home_municipality: str | None
    host_municipality: str
    term_id: str
    rule_book_id: str
    lines: tuple[PriceLine, ...]
    total_ore: int
    child_number: int
    course_number: int
    rents: str | None
    rental_ore: int
    voucher_ore: int
    priced_at: datetime


@dataclass(frozen=True, slots=True)
class CourseSeatsChanged(Fact):
    """How full a course is now, and how many wait.

    `taken` are the seats held by places and offers, and those kept for who is on it in the term before.
    """

    NAME, VERSION, SOURCE, SUBJECT = "course_seats_changed", 1, "enrolment", "course_id"

    course_id: str
    capacity: int
    taken: int
    waiting: int


@dataclass(frozen=True, slots=True)
class ContactRegistered(Fact):
    """How to reach a guardian, a pupil of age or a colleague; never one with protected identity."""

    NAME, VERSION, SOURCE, SUBJECT = "contact_registered", 1, "enrolment.contacts", "person_id"

    person_id: str
    name: str
    email: str | None
    language: str
    role: str
    municipality_code: str


@dataclass(frozen=True, slots=True)
class PupilNamed(Fact):
    """The given name by which a letter speaks of a pupil; never one with protected identity."""

    NAME, VERSION, SOURCE, SUBJECT = "pupil_named", 1, "enrolment.contacts", "pupil_id"

    pupil_id: str
    given_name: str


@dataclass(frozen=True, slots=True)
class GuardianshipChanged(Fact):
    """Whether the guardian sees where and when the child has lessons.

    No longer from the 18th birthday on, and not once the child's identity is protected.
    """

    NAME, VERSION, SOURCE, SUBJECT = "guardianship_changed", 1, "enrolment.contacts", "pupil_id"

    pupil_id: str
    guardian_id: str
    sees: bool


@dataclass(frozen=True, slots=True)
class PupilMoved(Fact):
    """The pupil lives in another municipality since `moved_on`; never one with protected identity.

    Places and queue dates are kept.
    """

    NAME, VERSION, SOURCE, SUBJECT = "pupil_moved", 1, "enrolment", "pupil_id"

    pupil_id: str
    from_municipality: str
    to_municipality: str
    moved_on: date


@dataclass(frozen=True, slots=True)
class PupilProtectionChanged(Fact):
    """The pupil's identity is protected from now on, or no longer.

    Who reads it forgets whose places it has kept, and from where; after the end nothing comes back by itself.
    """

    NAME, VERSION, SOURCE, SUBJECT = "pupil_protection_changed", 1, "enrolment", "pupil_id"

    pupil_id: str
    is_protected: bool


@dataclass(frozen=True, slots=True)
class PupilsMerged(Fact):
    """Two records were one child: what was `merged_id`'s is `pupil_id`'s from now on."""

    NAME, VERSION, SOURCE, SUBJECT = "pupils_merged", 1, "enrolment", "pupil_id"

    pupil_id: str
    merged_id: str


FACTS: tuple[type[Fact], ...] = (
    PlaceGiven,
    ApplicationQueued,
    PlaceOffered,
    ApplicationEnded,
    PlaceNotContinued,
    PlacePriced,
    CourseSeatsChanged,
    ContactRegistered,
    PupilNamed,
    GuardianshipChanged,
    PupilMoved,
    PupilProtectionChanged,
    PupilsMerged,
)
