"""What becomes of places and queue positions when the next term begins.

Decided from what is known and nothing else, so that the dry run that staff look at and the run that counts
say the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from services.chassis.clock import age_on
from services.chassis.working_days import working_day_from
from services.contracts.eligibility import is_adult, refusal_for_pupil
from services.contracts.rule_book import RuleBook
from services.enrolment.domain.admission import CARRIED_OVER, NEXT_IN_QUEUE, Applicant, CourseState
from services.enrolment.domain.ceilings import Ceilings
from services.enrolment.domain.limits import Engagement, Wish, refusal_by_limits
from services.enrolment.domain.offers import CEILING, HAS_ENOUGH, choose, last_day_to_answer
from services.enrolment.domain.queue import Waiting, in_order, order_on

CONTINUES, CONFIRM, WAITS, OFFERED, ENDS, STAYS = (
    *("continues", "confirm", "waits", "offered"),
    "ends",
    "stays",
)
KINDS = (CONTINUES, CONFIRM, OFFERED, WAITS, ENDS, STAYS)

# What the family said before.
CONFIRMED, GIVEN_UP = "confirmed", "given_up"

# Reasons; beside them the name of the refusal of a pupil who may not take the course any more.
QUEUE_CARRIED_OVER, QUEUE_TO_CONFIRM, FEWER_SEATS = "queue_carried_over", "queue_to_confirm", "fewer_seats"
NOT_CONTINUED, CANCELLED = "course_not_continued", "course_cancelled"
NEW_APPLICATION, NOT_CONFIRMED = "new_application", "not_confirmed"
ADULTS_END, ADULT_NO_SPACE = "adults_end", "adult_no_space"
THERE_ALREADY, OFFER_OPEN = "there_already", "offer_open"


@dataclass(frozen=True, slots=True)
class Holder:
    """An active application for a course of the term that ends.

    `since` is when its place was decided, `answer` what the family has said of the next term. `has_next`
    where the pupil has, or had, what this application could become; `waits_next` is its own application in
    the queue of the course that continues. `waiting` is how it would wait there. `told` is the reason for
    which its place ends, where the family has been told so before. `rents` is the instrument that is rented
    with the place; `rental_ends` where the rule book lets it be rented no longer.
    """

    application_id: str
    course_id: str
    state: str
    applicant: Applicant
    since: datetime
    queued_at: datetime
    answer: str | None = None
    has_next: bool = False
    waits_next: str | None = None
    waiting: Waiting | None = None
    told: str | None = None
    rents: str | None = None
    rental_ends: bool = False


@dataclass(frozen=True, slots=True)
class Input:
    """`continued` is the next course by the course that ends, None where none continues it.

    `queues` are those who wait for the next courses already, next in line first; `engagements` what pupils
    have in the next term.
    """

    term_id: str
    term_starts_on: date
    today: date
    continued: Mapping[str, str | None]
    courses: Mapping[str, CourseState]
    holders: Sequence[Holder]
    queues: Mapping[str, Sequence[Waiting]] = field(default_factory=dict)
    engagements: Mapping[str, Sequence[Engagement]] = field(default_factory=dict)
    ceilings: Ceilings = field(default_factory=Ceilings)

    @property
    def digest(self) -> str:
        """The same for the same input, on every machine."""
        parts: list[object] = [self.term_id, self.today, sorted(self.continued.items())]
        parts += [self.courses[course_id] for course_id in sorted(self.courses)]
        parts += self.holders
        parts += [(course_id, list(self.queues[course_id])) for course_id in sorted(self.queues)]
        parts += sorted(self.ceilings.by_home_and_term.items())
        parts += [(pupil, list(self.engagements[pupil])) for pupil in sorted(self.engagements)]
        return hashlib.sha256("\n".join(map(repr, parts)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Effect:
    """What happens to one application, and why. `answer_by` is the last day to confirm, or to answer.

    `rental_ends` where a place goes on without the instrument that is rented with it.
    """

    application_id: str
    pupil_id: str
    from_course: str
    to_course: str | None
    kind: str
    reason: str
    answer_by: date | None = None
    rental_ends: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """An effect for every application, and the next courses as they are afterwards.

    `skipped` are pairs of application id and reason, of those who stood before one who is offered a seat.
    """

    effects: tuple[Effect, ...]
    courses: Mapping[str, CourseState]
    skipped: tuple[tuple[str, str], ...] = ()


def last_day_to_confirm(rule_book: RuleBook, term_starts_on: date, today: date) -> date | None:
    """A working day; None where the rule book has no such day and no answer time."""
    carry = rule_book.carry_over
    day = carry.confirm_by.of_term(term_starts_on)
    return last_day_to_answer(rule_book, today) if day is None else working_day_from(day)


def must_confirm(rule_book: RuleBook, term_starts_on: date, *, queue: bool) -> bool:
    """Whether a place (or a queue position) is kept for this term only by who says so.

    A rule book that gives the day for the other season only asks once a school year.
    """
    carry = rule_book.carry_over
    if (carry.queue if queue else carry.places) != "confirm":
        return False
    some_day = carry.confirm_by.autumn is not None or carry.confirm_by.spring is not None
    return not some_day or carry.confirm_by.of_term(term_starts_on) is not None


def plan(given: Input) -> Plan:
    """Places first, those that have been held longest before the others; then the queues, and who in them is
    next in line for the seats that are left."""
    deciding = _Deciding(given)
    for holder in sorted(given.holders, key=deciding.turn):
        if holder.state == "placed":
            deciding.place(holder)
    for holder in given.holders:
        if holder.state == "queued":
            deciding.queue(holder)
        elif holder.state == "offered":
            deciding.note(holder, STAYS, OFFER_OPEN)
    for course_id in sorted(deciding.courses):
        deciding.offer(course_id)
    effects = sorted(deciding.effects.values(), key=lambda each: (each.from_course, each.application_id))
    return Plan(tuple(effects), deciding.courses, tuple(sorted(deciding.skipped.items())))


class _Deciding:
    """The state while a plan is made; the input stays as it was."""

    def __init__(self, given: Input) -> None:
        self.given = given
        # What was kept for those who continue is given to them now.
        self.courses = {
            name: replace(state, held=dict(state.held), kept=0) for name, state in given.courses.items()
        }
        self.queues = {name: list(given.queues.get(name, ())) for name in given.courses}
        self.engagements = {pupil: list(found) for pupil, found in given.engagements.items()}
        used = given.ceilings.by_home_and_term
        self.ceilings = Ceilings({key: replace(ceiling) for key, ceiling in used.items()})
        self.effects: dict[str, Effect] = {}
        self.skipped: dict[str, str] = {}
        self.children_waiting = self._count_children()

    def turn(self, holder: Holder) -> tuple[bool, datetime, str]:
        course = self._next(holder)
        adult_last = course is not None and course.rule_book.carry_over.adults == "if_space"
        return adult_last and _is_adult(holder, course), holder.since, holder.application_id

    def place(self, holder: Holder) -> None:
        course = self._next(holder)
        if holder.has_next:
            return self.note(holder, STAYS, THERE_ALREADY)
        reason = self._why_it_ends(holder, course, queue=False)
        if reason is not None or course is None:
            return self.note(holder, ENDS, reason or NOT_CONTINUED)
        if self.ceilings.is_reached(holder.applicant.home.code, course):
            return self.note(holder, ENDS, CEILING)
        if self._gives_way(holder, course):
            return self.note(holder, ENDS, ADULT_NO_SPACE)
        if course.taken >= course.capacity:
            return self._wait(holder, course, FEWER_SEATS)
        return self._seat(holder, course)

    def _gives_way(self, holder: Holder, course: CourseState) -> bool:
        """An adult, where the rule book says so, has a seat only beside one for every child that waits."""
        if course.rule_book.carry_over.adults != "if_space" or not _is_adult(holder, course):
            return False
        return course.capacity - course.taken <= self.children_waiting[course.course_id]

    def _seat(self, holder: Holder, course: CourseState) -> None:
        home = holder.applicant.home.code
        course.take_seat(home)
        self.ceilings.use(home, course)
        self._has(holder.applicant.pupil_id, course, holder.application_id)
        if holder.waits_next is not None:
            course.waiting -= 1
            queue = self.queues[course.course_id]
            queue[:] = [each for each in queue if each.application_id != holder.waits_next]
        book, starts_on = course.rule_book, course.terms.term_starts_on
        if holder.answer != CONFIRMED and must_confirm(book, starts_on, queue=False):
            return self.note(
                holder, CONFIRM, CARRIED_OVER, last_day_to_confirm(book, starts_on, self.given.today)
            )
        return self.note(holder, CONTINUES, CARRIED_OVER)

    def queue(self, holder: Holder) -> None:
        course = self._next(holder)
        if holder.has_next or holder.waits_next is not None:
            return self.note(holder, STAYS, THERE_ALREADY)
        reason = self._why_it_ends(holder, course, queue=True)
        if reason is not None or course is None:
            return self.note(holder, ENDS, reason or NOT_CONTINUED)
        return self._wait(holder, course, QUEUE_CARRIED_OVER)

    def _wait(self, holder: Holder, course: CourseState, reason: str) -> None:
        """With its queue date, in the queue of the next course."""
        if holder.waits_next is not None or holder.waiting is None:
            return self.note(holder, STAYS, THERE_ALREADY)
        course.waiting += 1
        self.queues[course.course_id].append(holder.waiting)
        book, starts_on = course.rule_book, course.terms.term_starts_on
        asked = reason == QUEUE_CARRIED_OVER and holder.answer != CONFIRMED
        if asked and must_confirm(book, starts_on, queue=True):
            by = last_day_to_confirm(book, starts_on, self.given.today)
            return self.note(holder, WAITS, QUEUE_TO_CONFIRM, by)
        return self.note(holder, WAITS, reason)

    def _why_it_ends(self, holder: Holder, course: CourseState | None, *, queue: bool) -> str | None:
        if holder.answer == GIVEN_UP:
            return GIVEN_UP
        if course is None:
            return NOT_CONTINUED
        if course.terms.cancelled:
            return CANCELLED
        starts_on, who = course.terms.term_starts_on, holder.applicant
        age = age_on(who.born_on, starts_on)
        # Membership counts on the first day of the term that begins.
        refusal = refusal_for_pupil(course.terms, course.rule_book, who.home, age, starts_on, known=who.known)
        if refusal is not None:
            return refusal.name
        return self._why_by_rule_book(holder, course, queue=queue)

    def _why_by_rule_book(self, holder: Holder, course: CourseState, *, queue: bool) -> str | None:
        book, starts_on, today = course.rule_book, course.terms.term_starts_on, self.given.today
        carry = book.carry_over
        if not queue and carry.adults == "end" and _is_adult(holder, course):
            return ADULTS_END
        if (carry.queue if queue else carry.places) == "end":
            return NEW_APPLICATION
        if holder.answer == CONFIRMED or not must_confirm(book, starts_on, queue=queue):
            return None
        by = last_day_to_confirm(book, starts_on, today)
        return NOT_CONFIRMED if by is not None and today > by else None

    def offer(self, course_id: str) -> None:
        """The seats that are left, to who is next in line."""
        course = self.courses[course_id]
        today, starts_on = self.given.today, course.terms.term_starts_on
        if course.terms.cancelled or course.gives_no_seat_before(today):
            return
        queue = in_order(self.queues[course_id], order_on(course.rule_book, starts_on, today))

        def gave(each: Waiting) -> None:
            self.ceilings.use(each.home_code, course)
            self._has(each.pupil_id, course, each.application_id)

        choice = choose(
            queue,
            course.rule_book,
            course.seats,
            course.day(today),
            bar=lambda each: self._bar(each, queue, course),
            gave=gave,
        )
        answer_by = last_day_to_answer(course.rule_book, today)
        for chosen in queue:
            if chosen.application_id in choice.offered:
                course.take_seat(chosen.home_code)
                course.waiting -= 1
                self._offered(chosen, course_id, answer_by)
        self.skipped.update(choice.skipped)
        offered = {each for each, effect in self.effects.items() if effect.kind == OFFERED}
        self.skipped = {each: why for each, why in self.skipped.items() if each not in offered}

    def _offered(self, chosen: Waiting, course_id: str, answer_by: date | None) -> None:
        was = self.effects.get(chosen.application_id)
        origin = was.from_course if was is not None else course_id
        self.effects[chosen.application_id] = Effect(
            chosen.application_id, chosen.pupil_id, origin, course_id, OFFERED, NEXT_IN_QUEUE, answer_by
        )

    def _bar(self, each: Waiting, queue: Sequence[Waiting], course: CourseState) -> str | None:
        others = self.engagements.get(each.pupil_id, ())
        mine = next((other for other in others if other.application_id == each.application_id), None)
        kind, rank = course.terms.fee_kind, mine.choice if mine else None
        wish = Wish(course.course_id, kind, course.lesson, gets_seat=True, choice=rank)
        if refusal_by_limits(course.rule_book, wish, others) is not None:
            return HAS_ENOUGH
        party = [other for other in queue if each.party_id is not None and other.party_id == each.party_id]
        places = max(1, sum(other.home_code == each.home_code for other in party))
        return CEILING if self.ceilings.is_reached(each.home_code, course, places) else None

    def _has(self, pupil_id: str, course: CourseState, application_id: str) -> None:
        kind, subject = course.terms.fee_kind, course.subject
        at = datetime.combine(self.given.today, datetime.min.time())
        held = Engagement(application_id, course.course_id, "placed", kind, subject, course.lesson, at)
        self.engagements.setdefault(pupil_id, []).append(held)

    def _next(self, holder: Holder) -> CourseState | None:
        course_id = self.given.continued.get(holder.course_id)
        return None if course_id is None else self.courses[course_id]

    def _count_children(self) -> dict[str, int]:
        """By next course, the children who will wait for it."""
        counts = {
            course_id: sum(not each.counts_as_adult for each in queue)
            for course_id, queue in self.queues.items()
        }
        for holder in self.given.holders:
            course = self._next(holder)
            if holder.state != "queued" or course is None or holder.waiting is None:
                continue
            moves = not holder.has_next and holder.waits_next is None
            if moves and self._why_it_ends(holder, course, queue=True) is None:
                counts[course.course_id] += not holder.waiting.counts_as_adult
        return counts

    def note(self, holder: Holder, kind: str, reason: str, answer_by: date | None = None) -> None:
        if kind == ENDS and reason == holder.told:
            kind = STAYS  # a second rollover that comes to the same does not tell the family again
        to_course = None if kind in (ENDS, STAYS) else self.given.continued.get(holder.course_id)
        self.effects[holder.application_id] = Effect(
            holder.application_id,
            holder.applicant.pupil_id,
            holder.course_id,
            to_course,
            kind,
            reason,
            answer_by,
            holder.rental_ends and to_course is not None,
        )


def _is_adult(holder: Holder, course: CourseState | None) -> bool:
    if course is None:
        return False
    starts_on, who = course.terms.term_starts_on, holder.applicant
    return is_adult(course.rule_book, age_on(who.born_on, starts_on), starts_on, who.known)


def counted(effects: Iterable[Effect]) -> dict[str, int]:
    """How many of each kind, in the order of KINDS; those of which there are none are left out."""
    counts = dict.fromkeys(KINDS, 0)
    for each in effects:
        counts[each.kind] += 1
    return {kind: count for kind, count in counts.items() if count}
