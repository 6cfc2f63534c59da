"""Draws the demo term of vastmanland/ from subjects.yaml: courses, families and their applications.

`python deploy/county/generate.py` writes the four files; with `--check` it writes nothing and exits 1 where a
file is not what it would write. The same subjects.yaml gives the same files on every machine.
"""

from __future__ import annotations

import argparse
import csv
import io
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

HERE = Path(__file__).parent
SUBJECTS = HERE / "subjects.yaml"
COUNTY = HERE / "vastmanland"

T = TypeVar("T")
Row = dict[str, Any]

LESSON_GAP_MINUTES = 10
START_STEP_MINUTES = 15
# The first and last start (minutes of the day) for a course whose youngest pupil is at most this old.
START_WINDOWS = (
    (8, 14 * 60 + 30, 16 * 60 + 45),
    (10, 15 * 60, 17 * 60 + 45),
    (200, 15 * 60 + 45, 19 * 60),
)
LATEST_ON_FRIDAY = 16 * 60 + 30
LATEST_END = 21 * 60
FRIDAY = 5
SCHOOL_DAYS = (1, 2, 3, 4, FRIDAY)
DAYS_OF_MONTH = (
    31,
    28,
    31,
    30,
    31,
    30,
    31,
    31,
    30,
    31,
    30,
    31,
)  # nobody is born on 29 February: not every year has one
# The third digit of a birth number is even for a girl; 238 and 239 are Skatteverket's test numbers.
TEST_SERIAL = {"f": "238", "m": "239"}
FIRST_MINUTE, LAST_MINUTE = 6 * 60 + 30, 22 * 60 + 45
RUSH_DAYS = 3


class Impossible(Exception):
    """subjects.yaml asks for what cannot be drawn from it."""


class Dice:
    """Seeded chance. Only `random()` is promised to give the same numbers in every Python version."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random  # noqa: S311 (demo data, nothing secret)

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self._random() * (high - low + 1))

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.between(0, len(choices) - 1)]

    def weighted(self, weights: Mapping[T, int]) -> T:
        target = self.between(1, sum(weights.values()))
        for choice, weight in weights.items():
            target -= weight
            if target <= 0:
                return choice
        raise Impossible("nothing has any weight")

    def shuffled(self, items: Sequence[T]) -> list[T]:
        rest = list(items)
        return [rest.pop(self.between(0, len(rest) - 1)) for _ in range(len(rest))]


@dataclass(frozen=True)
class Course:
    """A row of courses.csv, in its column order."""

    course_key: str
    municipality_code: str
    rule_book_id: str
    title_sv: str
    title_en: str
    description_sv: str
    description_en: str
    art_form: str
    fee_kind: str
    weekday: int
    starts_at: str
    minutes: int
    room: str
    min_age: int
    max_age: int
    capacity: int
    shared: str


@dataclass(frozen=True)
class Guardian:
    guardian_key: str
    name: str
    municipality_code: str
    email: str
    language: str


@dataclass(frozen=True)
class Pupil:
    """`guardian_key` is empty for who is of age. `age` is in years on the first day of the term."""

    pupil_key: str
    guardian_key: str
    given_name: str
    family_name: str
    municipality_code: str
    age: int
    birth_month: int
    birth_day: int
    serial: str
    gender: str


@dataclass(frozen=True)
class Home:
    guardian_key: str
    family_name: str
    municipality_code: str


@dataclass(frozen=True)
class Application:
    """`days_ago` counts from the day the demo is loaded."""

    pupil_key: str
    course_key: str
    days_ago: int
    minute_of_day: int


@dataclass
class Timetable:
    """The lessons of one school: when each room is taken."""

    taken: dict[tuple[str, int], list[tuple[int, int]]] = field(default_factory=dict)

    def is_free(self, room: str, weekday: int, start: int, minutes: int) -> bool:
        return all(
            start + minutes + LESSON_GAP_MINUTES <= other_start or other_end + LESSON_GAP_MINUTES <= start
            for other_start, other_end in self.taken.get((room, weekday), [])
        )

    def take(self, room: str, weekday: int, start: int, minutes: int) -> None:
        self.taken.setdefault((room, weekday), []).append((start, start + minutes))


def courses_of(school: Row, dice: Dice) -> list[Course]:
    """The school's courses in the order of the file, each with a room and an hour of its own."""
    timetable = Timetable()
    slots: dict[str, tuple[int, int, str]] = {}
    # Those with a fixed hour choose first.
    for subject in sorted(
        school["courses"], key=lambda subject: ("starts_at" not in subject, "weekday" not in subject)
    ):
        slot = next(
            (
                slot
                for slot in _slots(subject, school, dice)
                if timetable.is_free(slot[2], *slot[:2], subject["minutes"])
            ),
            None,
        )
        if slot is None:
            raise Impossible(f"no free room and hour for {school['slug']}-{subject['key']}")
        weekday, start, room = slot
        timetable.take(room, weekday, start, subject["minutes"])
        slots[subject["key"]] = slot
    return [_course(school, subject, slots[subject["key"]]) for subject in school["courses"]]


def _slots(subject: Row, school: Row, dice: Dice) -> list[tuple[int, int, str]]:
    """(weekday, start, room) that suit the course, in a drawn order."""
    _, earliest, latest = next(window for window in START_WINDOWS if subject["ages"][0] <= window[0])
    latest = min(latest, LATEST_END - subject["minutes"])
    weekdays = [subject["weekday"]] if "weekday" in subject else SCHOOL_DAYS
    hours = [
        (day, start)
        for day in weekdays
        for start in range(earliest, latest + 1, START_STEP_MINUTES)
        if day != FRIDAY or start <= LATEST_ON_FRIDAY
    ]
    if "starts_at" in subject:
        hour, minute = subject["starts_at"].split(":")
        hours = [(day, int(hour) * 60 + int(minute)) for day in weekdays]
    rooms = school["rooms"][subject["room"]]
    return dice.shuffled([(day, start, room) for day, start in hours for room in rooms])


def _course(school: Row, subject: Row, slot: tuple[int, int, str]) -> Course:
    weekday, start, room = slot
    return Course(
        course_key=f"{school['slug']}-{subject['key']}",
        municipality_code=school["municipality_code"],
        rule_book_id=school["rule_book_id"],
        title_sv=subject["title"][0],
        title_en=subject["title"][1],
        description_sv=subject["text"][0],
        description_en=subject["text"][1],
        art_form=subject["art"],
        fee_kind=subject["fee"],
        weekday=weekday,
        starts_at=f"{start // 60:02d}:{start % 60:02d}",
        minutes=subject["minutes"],
        room=room,
        min_age=subject["ages"][0],
        max_age=subject["ages"][1],
        capacity=subject["seats"],
        shared="yes" if subject["shared"] else "no",
    )


class Families:
    """The personas' families first, then the drawn ones, school by school."""

    def __init__(self, subjects: Row, dice: Dice) -> None:
        self._subjects = subjects
        self._dice = dice
        self._births: set[tuple[int, int, int, str]] = set()
        self._names: set[tuple[str, str]] = set()
        self.guardians: list[Guardian] = []
        self.pupils: list[Pupil] = []
        for family in subjects["families"]:
            self._add_persona_family(family)
        for school in subjects["schools"]:
            wanted = len(self.pupils) + school["pupils"] - len(school["of_age"])
            while len(self.pupils) < wanted:
                self._add_family(school["municipality_code"], wanted - len(self.pupils))
            for age in school["of_age"]:
                names = self._name_group()
                self._add_pupil(Home("", dice.pick(names["family"]), school["municipality_code"]), names, age)

    def _add_persona_family(self, family: Row) -> None:
        guardian = family["guardian"]
        if guardian is not None:
            self.guardians.append(Guardian(**guardian))
        for child in family["children"]:
            month, day = child["birth"]
            self._births.add((child["age"], month, day, child["gender"]))
            self._names.add((child["given_name"], child["family_name"]))
            self.pupils.append(
                Pupil(
                    pupil_key=child["pupil_key"],
                    guardian_key=guardian["guardian_key"] if guardian else "",
                    given_name=child["given_name"],
                    family_name=child["family_name"],
                    municipality_code=(guardian or child)["municipality_code"],
                    age=child["age"],
                    birth_month=month,
                    birth_day=day,
                    serial=TEST_SERIAL[child["gender"]],
                    gender=child["gender"],
                )
            )

    def _add_family(self, municipality_code: str, room_for: int) -> None:
        """A guardian with one to three children, at most `room_for`, no two of the same age."""
        names = self._name_group()
        guardian_key = f"g{len(self.guardians) + 1:03d}"
        home = Home(guardian_key, self._dice.pick(names["family"]), municipality_code)
        name = f"{self._new_name(names['adults'], home.family_name)} {home.family_name}"
        language = self._dice.weighted(self._subjects["languages"])
        self.guardians.append(Guardian(guardian_key, name, municipality_code, "", language))
        ages = dict(self._subjects["ages"])
        for _ in range(min(room_for, self._dice.weighted(self._subjects["children_in_family"]))):
            age = self._dice.weighted(ages)
            del ages[age]
            self._add_pupil(home, names, age)

    def _add_pupil(self, home: Home, names: Row, age: int) -> None:
        gender = "f" if self._dice.between(1, 100) <= self._subjects["girls_percent"] else "m"
        given_name = self._new_name(names["girls" if gender == "f" else "boys"], home.family_name)
        month, day = self._new_birthday(age, gender)
        self.pupils.append(
            Pupil(
                pupil_key=f"p{len(self.pupils) + 1:03d}",
                guardian_key=home.guardian_key,
                given_name=given_name,
                family_name=home.family_name,
                municipality_code=home.municipality_code,
                age=age,
                birth_month=month,
                birth_day=day,
                serial=TEST_SERIAL[gender],
                gender=gender,
            )
        )

    def _name_group(self) -> Row:
        """Given names and family names that go together."""
        groups: list[Row] = self._subjects["names"]
        return groups[self._dice.weighted({index: group["weight"] for index, group in enumerate(groups)})]

    def _new_name(self, given_names: Sequence[str], family_name: str) -> str:
        """A given name that nobody of the family name has yet; any, where all are taken."""
        shuffled = self._dice.shuffled(given_names)
        given_name = next((name for name in shuffled if (name, family_name) not in self._names), shuffled[0])
        self._names.add((given_name, family_name))
        return given_name

    def _new_birthday(self, age: int, gender: str) -> tuple[int, int]:
        """A month and day that no other girl (or boy) of the age has: so every personnummer is unique."""
        while True:
            month = self._dice.between(1, 12)
            day = self._dice.between(1, DAYS_OF_MONTH[month - 1])
            if (age, month, day, gender) not in self._births:
                self._births.add((age, month, day, gender))
                return month, day


class Admissions:
    """What the personas have applied for, and as many others for each course as its subject says."""

    def __init__(self, subjects: Row, courses: Sequence[Course], pupils: Sequence[Pupil], dice: Dice) -> None:
        self._subjects = subjects
        self._dice = dice
        self._weekdays: dict[str, list[int]] = {pupil.pupil_key: [] for pupil in pupils}
        self._applicants: dict[str, int] = {course.course_key: 0 for course in courses}
        # (pupil, municipality) of who plays an instrument there: some schools allow one.
        self._players: set[tuple[str, str]] = set()
        self.applications: list[Application] = []
        by_key = {course.course_key: course for course in courses}
        personas = [child for family in subjects["families"] for child in family["children"]]
        for child in personas:
            for course_key, *moment in child["applications"]:
                self._apply(child["pupil_key"], by_key[course_key], moment)
        # What a persona applies for is written in subjects.yaml, not drawn.
        drawn_from = [
            pupil for pupil in pupils if pupil.pupil_key not in {child["pupil_key"] for child in personas}
        ]
        plan = [
            (by_key[f"{school['slug']}-{subject['key']}"], school, self._wanted(subject))
            for school in subjects["schools"]
            for subject in school["courses"]
        ]
        # Where few may apply they choose first, so that a course of a small school is not left without.
        plan.sort(key=lambda item: sum(_fits(pupil, item[0]) for pupil in drawn_from))
        for course, school, wanted in plan:
            self._fill(course, school, wanted, drawn_from)
        self.applications.sort(
            key=lambda item: (-item.days_ago, item.minute_of_day, item.course_key, item.pupil_key)
        )

    def _apply(self, pupil_key: str, course: Course, moment: Sequence[int]) -> None:
        self.applications.append(Application(pupil_key, course.course_key, *moment))
        self._weekdays[pupil_key].append(course.weekday)
        self._applicants[course.course_key] += 1
        if course.fee_kind == "instrument":
            self._players.add((pupil_key, course.municipality_code))

    def _wanted(self, subject: Row) -> int:
        """How many apply for the course in all."""
        seats: int = subject["seats"]
        if "waiting" in subject:
            return seats + int(subject["waiting"])
        if "applicants" in subject:
            return int(subject["applicants"])
        return min(seats - 1, seats * self._dice.between(*self._subjects["fill_percent"]) // 100)

    def _fill(self, course: Course, school: Row, wanted: int, pupils: Sequence[Pupil]) -> None:
        moments = self._moments(crowded=wanted > course.capacity)
        for _ in range(wanted - self._applicants[course.course_key]):
            weights = {pupil: weight for pupil in pupils if (weight := self._weight(pupil, course, school))}
            if not weights:
                raise Impossible(f"nobody left to apply for {course.course_key}")
            self._apply(self._dice.weighted(weights).pupil_key, course, next(moments))

    def _weight(self, pupil: Pupil, course: Course, school: Row) -> int:
        """How likely the pupil applies; 0 for a day that is taken and for who has applied enough."""
        appetite, weekdays = self._subjects["appetite"], self._weekdays[pupil.pupil_key]
        if not _fits(pupil, course) or course.weekday in weekdays or len(weekdays) >= len(appetite):
            return 0
        if course.fee_kind == "instrument" and (pupil.pupil_key, course.municipality_code) in self._players:
            return 0
        if pupil.municipality_code == course.municipality_code:
            distance = "home"
        else:
            distance = "near" if pupil.municipality_code in school["near"] else "elsewhere"
        pull: dict[str, int] = school.get("pull") or self._subjects["pull"]
        return int(pull[distance] * appetite[len(weekdays)])

    def _moments(self, crowded: bool) -> Iterator[tuple[int, int]]:
        """(days ago, minute of the day), never the same twice; for a crowded course mostly the first days."""
        opened: int = self._subjects["opened_days_ago"]
        seen = set()
        while True:
            rush = self._dice.between(1, 100) <= (85 if crowded else 40)
            days_ago = opened - self._dice.between(0, RUSH_DAYS) if rush else self._dice.between(5, opened)
            moment = (days_ago, self._dice.between(FIRST_MINUTE, LAST_MINUTE))
            if moment not in seen:
                seen.add(moment)
                yield moment


def _fits(pupil: Pupil, course: Course) -> bool:
    at_home = pupil.municipality_code == course.municipality_code
    return (course.shared == "yes" or at_home) and course.min_age <= pupil.age <= course.max_age


def as_csv(record: type[Any], records: Sequence[Any]) -> str:
    names = [item.name for item in fields(record)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([getattr(item, name) for name in names] for item in records)
    return text.getvalue()


def generated_files(subjects_file: Path = SUBJECTS) -> dict[str, str]:
    """The text of each generated file by its name."""
    subjects = yaml.safe_load(subjects_file.read_text(encoding="utf-8"))
    # Each part has dice of its own: another course does not give everybody another name.
    course_dice, family_dice, application_dice = (Dice(subjects["seed"] * 10 + part) for part in range(3))
    courses = [course for school in subjects["schools"] for course in courses_of(school, course_dice)]
    families = Families(subjects, family_dice)
    admissions = Admissions(subjects, courses, families.pupils, application_dice)
    return {
        "courses.csv": as_csv(Course, courses),
        "guardians.csv": as_csv(Guardian, families.guardians),
        "pupils.csv": as_csv(Pupil, families.pupils),
        "applications.csv": as_csv(Application, admissions.applications),
    }


def stale_files(files: Mapping[str, str], folder: Path = COUNTY) -> list[str]:
    return [
        name
        for name, text in files.items()
        if not (folder / name).exists() or (folder / name).read_bytes() != text.encode()
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Writes the demo term of the county from subjects.yaml.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file is stale")
    check: bool = parser.parse_args(arguments).check
    files = generated_files()
    stale = stale_files(files)
    if check:
        for name in stale:
            sys.stderr.write(f"{name} is stale: run python deploy/county/generate.py\n")
        return 1 if stale else 0
    for name in stale:
        (COUNTY / name).write_bytes(files[name].encode())
        sys.stdout.write(f"wrote {name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
