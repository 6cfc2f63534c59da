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
    first_lesson_on: date | None = None
    last_lesson_on: date | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a pupil beside its age and home; what is not known decides nothing.

    `later_limit` is what staff decided: the reason, a disability for instance, is nobody else's business.
    """

    born_on: date | None = None
    school_municipality: str | None = None
    leaves_upper_secondary: int | None = None  # the year
    later_limit: bool = False
    is_teacher: bool = False


NOTHING_MORE = Known()


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
    return _refusal_by_times(course, rule_book, today)


def _refusal_by_times(course: CourseTerms, rule_book: RuleBook, today: date) -> Refusal | None:
    """The school's own days, every term: narrower than the county's, never wider."""
    times = rule_book.times
    first = times.apply_from.of_term(course.term_starts_on)
    if first is not None and today < first:
        return Refusal(
            "application_period_closed",
            N_("Applications open on %(day)s."),
            {"day": first},
            rule=f"{rule_book.rule_book_id}/application_period",
        )
    if times.apply_until.has_passed(course.term_starts_on, today) and not times.late_if_space:
        return Refusal(
            "application_period_closed",
            N_("Applications closed on %(day)s."),
            {"day": times.apply_until.of_term(course.term_starts_on)},
            rule=f"{rule_book.rule_book_id}/application_period",
        )
    return None


def refusal_for_pupil(
    course: CourseTerms,
    rule_book: RuleBook,
    home: Municipality,
    age: int,
    today: date,
    *,
    known: Known = NOTHING_MORE,
) -> Refusal | None:
    """Why a pupil of this home municipality and age may not take the course; None if it may.

    `age` is in years on the first day of the term. Where only the age is known, limits by calendar year
    are taken at it: who asks before naming a child is rather let ask on than sent away.
    """
    return (
        _refusal_for_home(course, rule_book, home, today, known)
        or _refusal_for_teachers(course, rule_book, known)
        or _refusal_for_age(course, rule_book, age, known)
    )


def _is_own_pupil(course: CourseTerms, rule_book: RuleBook, home: Municipality, known: Known) -> bool:
    """Registered in the host municipality, or at school there where the rule book takes those as its own."""
    if home.code == course.host.code:
        return True
    return "school" in rule_book.eligibility.open_to and known.school_municipality == course.host.code


def _refusal_for_home(
    course: CourseTerms, rule_book: RuleBook, home: Municipality, today: date, known: Known
) -> Refusal | None:
    if _is_own_pupil(course, rule_book, home, known):
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


def _refusal_for_teachers(course: CourseTerms, rule_book: RuleBook, known: Known) -> Refusal | None:
    """On every other course a teacher is as anybody of its age: in an adults' choir, for instance."""
    if known.is_teacher or not rule_book.is_for_teachers(course.fee_kind):
        return None
    reason = N_("The course is for teachers.")
    return Refusal("wrong_audience", reason, rule=f"{rule_book.rule_book_id}/audience")


def _refusal_for_age(course: CourseTerms, rule_book: RuleBook, age: int, known: Known) -> Refusal | None:
    """The course's own limits and the rule book's: the narrower one decides. Teachers are of any age."""
    if rule_book.is_for_teachers(course.fee_kind):
        return None
    return _refusal_of_the_young(course, rule_book, age, known) or _refusal_of_the_old(
        course, rule_book, age, known
    )


def _refusal_of_the_young(course: CourseTerms, rule_book: RuleBook, age: int, known: Known) -> Refusal | None:
    """On a course that is for all from the school's first year on, the year decides and not the day."""
    rules, rule = rule_book.eligibility, f"{rule_book.rule_book_id}/ages"
    by_year = rules.min_age_in_year
    if by_year is not None and _turns(course.term_starts_on, age, known) < by_year:
        reason = N_("%(school)s is for pupils from the year they turn %(limit)s.")
        facts = {"school": rule_book.school_name, "limit": by_year}
        return Refusal("pupil_too_young", reason, facts, rule=rule)
    as_the_school = by_year is not None and course.min_age <= by_year
    youngest = max(0 if as_the_school else course.min_age, rules.min_age or 0)
    if age >= youngest:
        return None
    return Refusal(
        "pupil_too_young",
        N_("The course is for pupils from %(limit)s years. The pupil is %(age)s when the term starts."),
        {"limit": youngest, "age": age},
        rule=rule,
    )


def _refusal_of_the_old(course: CourseTerms, rule_book: RuleBook, age: int, known: Known) -> Refusal | None:
    rules, rule = rule_book.eligibility, f"{rule_book.rule_book_id}/ages"
    past_the_school = _is_past_the_ages(rule_book, age, course.term_starts_on, known)
    past_the_age = rules.max_age is not None and past_the_school and not rules.adult_if_space
    oldest = min(course.max_age, rules.max_age) if past_the_age and rules.max_age else course.max_age
    if age > oldest and (past_the_school or not _has_later_limit_here(course, rule_book, known)):
        return Refusal(
            "pupil_too_old",
            N_("The course is for pupils up to %(limit)s years. The pupil is %(age)s when the term starts."),
            {"limit": oldest, "age": age},
            rule=rule,
        )
    if past_the_school and not rules.adult_if_space:
        return _refusal_by_year(rule_book, rule)
    return _refusal_by_birth(course, rule_book, age, known)


def _has_later_limit_here(course: CourseTerms, rule_book: RuleBook, known: Known) -> bool:
    """Whether the later limit holds on the course too: not on one that ends before the school's own ages."""
    rules = rule_book.eligibility
    ordinary = rules.max_age or rules.max_age_in_year or YEARS_TO_LEAVING_SCHOOL
    return _later_limit(rule_book, known) is not None and course.max_age >= ordinary


def _later_limit(rule_book: RuleBook, known: Known) -> int | None:
    """The calendar year's age to which the pupil may stay, where staff gave it the later limit."""
    return rule_book.eligibility.later_max_age_in_year if known.later_limit else None


def _refusal_by_year(rule_book: RuleBook, rule: str) -> Refusal:
    year = rule_book.eligibility.max_age_in_year
    if year is not None:
        reason = N_("%(school)s is for pupils to and including the year they turn %(limit)s.")
    else:
        reason = N_("%(school)s is for pupils until they leave upper secondary school.")
    return Refusal("pupil_too_old", reason, {"school": rule_book.school_name, "limit": year}, rule=rule)


def _refusal_by_birth(course: CourseTerms, rule_book: RuleBook, age: int, known: Known) -> Refusal | None:
    """The earliest day of birth is for children: adults where there is space, and who has a later limit, are
    older."""
    rules = rule_book.eligibility
    if known.born_on is None:
        return None
    facts = {"from": rules.born_from, "to": rules.born_to}
    as_adult = rules.adult_if_space and is_adult(rule_book, age, course.term_starts_on, known)
    may_be_older = as_adult or _later_limit(rule_book, known) is not None
    if rules.born_from is not None and known.born_on < rules.born_from and not may_be_older:
        reason = N_("The course is for pupils born on %(from)s or later.")
        return Refusal("born_too_early", reason, facts, rule=f"{rule_book.rule_book_id}/birth")
    if rules.born_to is not None and known.born_on > rules.born_to:
        reason = N_("The course is for pupils born on %(to)s or earlier.")
        return Refusal("born_too_late", reason, facts, rule=f"{rule_book.rule_book_id}/birth")
    return None


YEARS_TO_LEAVING_SCHOOL = 19  # a pupil leaves upper secondary school in the year of turning 19, as a rule
ADULT_AGE = 20  # where a school says no more: its pupils are children and young people to and including 19
LAST_SCHOOL_DAY = (6, 30)


def is_adult(rule_book: RuleBook, age: int, term_starts_on: date, known: Known = NOTHING_MORE) -> bool:
    """Whether the school counts the pupil among its adults: who is past all of its ages."""
    rules = rule_book.eligibility
    if rules.max_age is None and rules.max_age_in_year is None and rules.until_upper_secondary is None:
        return age >= ADULT_AGE
    return _is_past_the_ages(rule_book, age, term_starts_on, known)


def _is_past_the_ages(rule_book: RuleBook, age: int, term_starts_on: date, known: Known) -> bool:
    """Past every limit upwards that the rule book gives; who has the later limit goes by that alone."""
    rules = rule_book.eligibility
    turns = _turns(term_starts_on, age, known)
    later = _later_limit(rule_book, known)
    if later is not None:
        return turns > later
    still_fits = []
    if rules.max_age is not None:
        still_fits.append(age <= rules.max_age)
    if rules.max_age_in_year is not None:
        still_fits.append(turns <= rules.max_age_in_year)
    if rules.until_upper_secondary is not None:
        leaves = known.leaves_upper_secondary or term_starts_on.year - turns + YEARS_TO_LEAVING_SCHOOL
        last_month, last_day = LAST_SCHOOL_DAY if rules.until_upper_secondary == "leaving" else (12, 31)
        still_fits.append(term_starts_on <= date(leaves, last_month, last_day))
    return bool(still_fits) and not any(still_fits)


def _turns(term_starts_on: date, age: int, known: Known) -> int:
    """The age that the pupil reaches in the calendar year in which the term starts."""
    return age if known.born_on is None else term_starts_on.year - known.born_on.year


def basis_for_pupil(
    course: CourseTerms, rule_book: RuleBook, home: Municipality, known: Known = NOTHING_MORE
) -> Basis:
    """Under which rule a pupil whom nothing refuses takes the course."""
    facts = {"home": home.name, "host": course.host.name, "school": rule_book.school_name}
    if home.code == course.host.code:
        return Basis(
            f"{rule_book.rule_book_id}/residents",
            N_("The pupil lives in %(host)s, the municipality that holds the course."),
            facts,
        )
    if _is_own_pupil(course, rule_book, home, known):
        return Basis(
            f"{rule_book.rule_book_id}/school",
            N_("The pupil goes to school in %(host)s, and %(school)s takes those as its own."),
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
