"""May this pupil take this course, under which rule, at what price?

The catalogue shows the answer and enrolment decides by it, so the rule is part of the language they share:
one pure function over what both know. Whether there is a seat is another question, and enrolment's alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.chassis.refusals import N_, Refusal
from services.contracts.rule_book import Fee, RuleBook


@dataclass(frozen=True, slots=True)
class Municipality:
    """A municipality as far as membership goes; both dates are included, None is open."""

    code: str
    name: str
    member_from: date | None
    member_to: date | None

    def is_member_on(self, day: date) -> bool:
        if self.member_from is None or day < self.member_from:
            return False
        return self.member_to is None or day <= self.member_to


@dataclass(frozen=True, slots=True)
class CourseTerms:
    """What of a course and its term decides. Ages in years on the first day of the term, both included."""

    host: Municipality
    shared: bool
    min_age: int
    max_age: int
    fee_kind: str
    term_starts_on: date
    term_ends_on: date
    apply_from: date | None
    apply_until: date | None
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Basis:
    """The rule under which a pupil may take a course, in words with %(name)s places for `facts`."""

    rule: str
    reason: str
    facts: dict[str, str]


def refusal_to_apply(course: CourseTerms, rule_book: RuleBook, today: date) -> Refusal | None:
    """Why nobody may apply for the course today; None if one may."""
    if course.cancelled:
        return Refusal("course_cancelled", N_("The course is cancelled."), status=410)
    if course.apply_from is not None and today < course.apply_from:
        return Refusal(
            "application_period_closed",
            N_("Applications open on %(day)s."),
            {"day": course.apply_from},
            rule=f"{rule_book.rule_book_id}/application_period",
        )
    if (course.apply_until is not None and today > course.apply_until) or today > course.term_ends_on:
        return Refusal(
            "application_period_closed",
            N_("Applications closed on %(day)s."),
            {"day": course.apply_until or course.term_ends_on},
            rule=f"{rule_book.rule_book_id}/application_period",
        )
    return None


def refusal_for_pupil(
    course: CourseTerms, rule_book: RuleBook, home: Municipality, age: int, today: date
) -> Refusal | None:
    """Why a pupil of this home municipality and age may not take the course; None if it may.

    `age` is in years on the first day of the term.
    """
    return _refusal_for_home(course, home, today) or _refusal_for_age(course, rule_book, age)


def _refusal_for_home(course: CourseTerms, home: Municipality, today: date) -> Refusal | None:
    if home.code == course.host.code:
        return None
    facts = {"home": home.name, "host": course.host.name}
    if not course.shared:
        return Refusal(
            "course_not_shared",
            N_("The course is for pupils who live in %(host)s. It is not shared with the county."),
            facts,
            rule="cooperation/shared_courses",
        )
    if not home.is_member_on(today):
        return Refusal(
            "home_municipality_not_a_member",
            N_(
                "%(home)s is not a member of the cooperation, "
                "so shared courses are not open to pupils who live there."
            ),
            facts,
            rule="cooperation/members",
        )
    if not course.host.is_member_on(today):
        return Refusal(
            "host_municipality_not_a_member",
            N_("%(host)s is not a member of the cooperation, so its courses are for its own pupils."),
            facts,
            rule="cooperation/members",
        )
    return None


def _refusal_for_age(course: CourseTerms, rule_book: RuleBook, age: int) -> Refusal | None:
    """The course's own limits and the rule book's: the narrower one decides."""
    youngest = max(course.min_age, rule_book.eligibility.min_age or 0)
    oldest = min(course.max_age, rule_book.eligibility.max_age or course.max_age)
    if age < youngest:
        return Refusal(
            "pupil_too_young",
            N_("The course is for pupils from %(limit)s years. The pupil is %(age)s when the term starts."),
            {"limit": youngest, "age": age},
            rule=f"{rule_book.rule_book_id}/ages",
        )
    if age > oldest:
        return Refusal(
            "pupil_too_old",
            N_("The course is for pupils up to %(limit)s years. The pupil is %(age)s when the term starts."),
            {"limit": oldest, "age": age},
            rule=f"{rule_book.rule_book_id}/ages",
        )
    return None


def basis_for_pupil(course: CourseTerms, rule_book: RuleBook, home: Municipality) -> Basis:
    """Under which rule a pupil whom nothing refuses takes the course."""
    facts = {"home": home.name, "host": course.host.name, "school": rule_book.school_name}
    if home.code == course.host.code:
        return Basis(
            f"{rule_book.rule_book_id}/residents",
            N_("The pupil lives in %(host)s, the municipality that holds the course."),
            facts,
        )
    return Basis(
        "cooperation/shared_courses",
        N_(
            "The course is shared and %(home)s is a member of the cooperation, so pupils from %(home)s "
            "may take it on the same terms as those from %(host)s. The rules of %(school)s apply."
        ),
        facts,
    )


def price_of(course: CourseTerms, rule_book: RuleBook) -> Fee | None:
    """What the course costs a term: the host's rule book prices a shared course. None: it names no fee."""
    return rule_book.fee_for(course.fee_kind)
