"""The county's data files: true to their sources, consistent, and generated from subjects.yaml."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import marshmallow_dataclass
import pytest
import yaml

from services.chassis.money import split_by_largest_remainder
from services.chassis.municipality import is_county_code
from services.chassis.personal_identity import parse_personal_identity, with_check_digit
from services.chassis.web.access import ROLES
from services.contracts.rule_book import RuleBook

COUNTY_ROOM = Path(__file__).parents[2] / "deploy" / "county"
COUNTY = COUNTY_ROOM / "vastmanland"
SURAHAMMAR = "1907"
ANY_DAY = date(2100, 1, 1)

# scb.se, population on 2024-12-31.
POPULATIONS_2024 = {
    "1904": 4256, "1907": 9845, "1960": 8694, "1961": 16653, "1962": 5452,
    "1980": 160634, "1981": 22843, "1982": 13072, "1983": 25729, "1984": 13980,
}  # fmt: skip
# Öre of half a million kronor, worked out by hand beside the population table.
SHARES_OF_NINE = {
    "1904": 784334, "1960": 1602208, "1961": 3068965, "1962": 1004744, "1980": 29603078,
    "1981": 4209713, "1982": 2409026, "1983": 4741572, "1984": 2576360,
}  # fmt: skip

Row = dict[str, str]


@cache
def rows(name: str) -> list[Row]:
    with (COUNTY / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def document(name: str) -> Any:
    return yaml.safe_load((COUNTY / name).read_text(encoding="utf-8"))


@cache
def rule_books() -> dict[str, RuleBook]:
    schema = marshmallow_dataclass.class_schema(RuleBook)()
    loaded = [schema.load(item) for item in document("rulebooks.yaml")]
    return {book.rule_book_id: book for book in loaded}


def by(key: str, name: str) -> dict[str, Row]:
    found = {row[key]: row for row in rows(name)}
    assert len(found) == len(rows(name)), f"{key} is not unique in {name}"
    return found


def members() -> set[str]:
    return {row["code"] for row in rows("municipalities.csv") if row["member_from"]}


def applicants() -> Counter[str]:
    return Counter(row["course_key"] for row in rows("applications.csv"))


def arrivals(course_key: str) -> list[str]:
    """The pupils who applied for the course, first come first."""
    of_course = [row for row in rows("applications.csv") if row["course_key"] == course_key]
    of_course.sort(key=lambda row: (-int(row["days_ago"]), int(row["minute_of_day"])))
    return [row["pupil_key"] for row in of_course]


def test_generated_files_are_current() -> None:
    check = subprocess.run(
        [sys.executable, COUNTY_ROOM / "generate.py", "--check"], capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, check.stderr


@pytest.mark.parametrize("path", sorted(COUNTY_ROOM.rglob("*.*")), ids=lambda path: path.name)
def test_files_are_utf8_with_unix_lines(path: Path) -> None:
    if path.suffix in {".csv", ".yaml", ".py"}:
        text = path.read_bytes().decode("utf-8")
        assert "\r" not in text
        assert text.endswith("\n")
        assert "\ufeff" not in text


class TestSources:
    def test_nine_of_ten_municipalities_are_members(self) -> None:
        municipalities = by("code", "municipalities.csv")
        assert len(municipalities) == 10
        assert set(municipalities) - members() == {SURAHAMMAR}
        assert all(bool(row["school_name"]) == (code in members()) for code, row in municipalities.items())

    def test_populations_of_2024(self) -> None:
        found = {
            row["municipality_code"]: int(row["population"])
            for row in rows("populations.csv")
            if row["reference_date"] == "2024-12-31"
        }
        assert found == POPULATIONS_2024

    def test_populations_give_the_published_shares(self) -> None:
        weights = {code: POPULATIONS_2024[code] for code in members()}
        assert split_by_largest_remainder(50_000_000, weights) == SHARES_OF_NINE

    def test_every_population_date_covers_the_whole_county(self) -> None:
        covered = Counter(row["reference_date"] for row in rows("populations.csv"))
        assert set(covered.values()) == {10}
        assert (
            len({(row["municipality_code"], row["reference_date"]) for row in rows("populations.csv")}) == 70
        )

    def test_eleven_art_forms(self) -> None:
        assert len(by("key", "art_forms.csv")) == 11


class TestRuleBooks:
    def test_each_member_has_one_open_rule_book_in_the_name_of_its_school(self) -> None:
        schools = {row["code"]: row["school_name"] for row in rows("municipalities.csv")}
        newest = [book.municipality_code for book in rule_books().values() if book.valid_to is None]
        assert sorted(newest) == sorted(members())
        assert all(book.school_name == schools[book.municipality_code] for book in rule_books().values())

    def test_ids_are_unique(self) -> None:
        assert len(rule_books()) == len(document("rulebooks.yaml"))

    def test_no_two_of_a_school_are_valid_on_the_same_day(self) -> None:
        for one, other in combinations(rule_books().values(), 2):
            if one.municipality_code == other.municipality_code:
                assert not one.is_valid_on(other.valid_from)
                assert not other.is_valid_on(one.valid_from)

    def test_fee_kinds_are_unique_in_a_book(self) -> None:
        for book in rule_books().values():
            kinds = [fee.kind for fee in book.fees]
            assert len(kinds) == len(set(kinds)), book.rule_book_id

    def test_made_up_values_say_so_to_the_reader(self) -> None:
        for book in rule_books().values():
            if book.source.startswith("Demo values"):
                assert book.in_words[0].en.startswith("Demo values")
                assert book.in_words[0].sv.startswith("Demovärden")
        sala = rule_books()["sala-2019"]
        assert all("demo value" in fee.text.en and "demovärde" in fee.text.sv for fee in sala.fees)

    @pytest.mark.parametrize(
        ("book", "kind", "fee_ore"),
        [
            ("fagersta-2022", "course", 65000),
            ("fagersta-2022", "advanced_line", 115000),
            ("fagersta-2024", "instrument", 0),
            ("fagersta-2024", "adult", 145000),
            ("arboga-2024", "instrument", 65000),
            ("arboga-2024", "group_up_to_grade_1", 34000),
            ("vasteras-2017", "most_courses", 75000),
            ("vasteras-2017", "musical_older", 140000),
            ("vasteras-2024", "circus", 85000),
            ("vasteras-2024", "choir_orchestra", 42500),
            ("vasteras-2024", "suzuki", 107500),
            ("vasteras-2024", "music_line", 255000),
        ],
    )
    def test_published_fees(self, book: str, kind: str, fee_ore: int) -> None:
        fee = rule_books()[book].fee_for(kind)
        assert fee is not None
        assert fee.fee_ore == fee_ore


class TestCourses:
    def test_there_are_95_of_nine_schools_in_all_art_forms(self) -> None:
        courses = by("course_key", "courses.csv")
        assert len(courses) == 95
        assert {row["municipality_code"] for row in courses.values()} == members()
        assert {row["art_form"] for row in courses.values()} == set(by("key", "art_forms.csv"))

    def test_about_two_thirds_are_shared(self) -> None:
        assert {row["shared"] for row in rows("courses.csv")} == {"yes", "no"}
        assert 55 <= sum(row["shared"] == "yes" for row in rows("courses.csv")) <= 70

    def test_each_follows_its_own_schools_open_rule_book_and_has_a_fee(self) -> None:
        for course in rows("courses.csv"):
            book = rule_books()[course["rule_book_id"]]
            assert book.municipality_code == course["municipality_code"]
            assert book.valid_to is None
            assert book.fee_for(course["fee_kind"]) is not None, course["course_key"]

    def test_hours_ages_and_seats_are_possible(self) -> None:
        for course in rows("courses.csv"):
            hour, minute = course["starts_at"].split(":")
            end = int(hour) * 60 + int(minute) + int(course["minutes"])
            assert 1 <= int(course["weekday"]) <= 7
            assert 8 * 60 <= end <= 21 * 60
            assert int(course["min_age"]) <= int(course["max_age"])
            assert 5 <= int(course["capacity"]) <= 24

    def test_no_room_is_double_booked(self) -> None:
        lessons: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
        for course in rows("courses.csv"):
            hour, minute = course["starts_at"].split(":")
            start = int(hour) * 60 + int(minute)
            place = (course["municipality_code"], course["room"], course["weekday"])
            lessons.setdefault(place, []).append((start, start + int(course["minutes"])))
        for place, hours in lessons.items():
            for (one_start, one_end), (other_start, other_end) in combinations(hours, 2):
                assert one_end <= other_start or other_end <= one_start, place

    def test_every_description_is_its_own(self) -> None:
        for column in ("description_sv", "description_en"):
            assert len({course[column] for course in rows("courses.csv")}) == 95


class TestPeople:
    def test_every_pupil_under_age_has_a_guardian_in_the_same_municipality(self) -> None:
        guardians = by("guardian_key", "guardians.csv")
        for pupil in by("pupil_key", "pupils.csv").values():
            assert bool(pupil["guardian_key"]) == (int(pupil["age"]) < 18)
            if pupil["guardian_key"]:
                guardian = guardians[pupil["guardian_key"]]
                assert guardian["municipality_code"] == pupil["municipality_code"]
        assert set(guardians) == {pupil["guardian_key"] for pupil in rows("pupils.csv")} - {""}

    def test_every_member_municipality_has_pupils(self) -> None:
        homes = Counter(pupil["municipality_code"] for pupil in rows("pupils.csv"))
        assert members() <= set(homes)
        assert min(homes[code] for code in members()) >= 20

    @pytest.mark.parametrize("term_start", [date(2026, 1, 12), date(2026, 8, 24), date(2028, 2, 29)])
    def test_personal_numbers_are_valid_test_numbers_and_unique(self, term_start: date) -> None:
        numbers = [number for number, _ in personal_numbers(term_start)]
        assert len(numbers) == len(set(numbers))
        for number, pupil in personal_numbers(term_start):
            identity = parse_personal_identity(number, ANY_DAY)
            assert identity.is_female == (pupil["gender"] == "f")
            assert pupil["serial"] in {"238", "239"}

    def test_only_personas_have_an_email_address(self) -> None:
        addresses = {row["email"] for row in rows("guardians.csv")} - {""}
        assert addresses == {
            item["email"] for item in document("personas.yaml") if item["role"] == "guardian"
        }


def personal_numbers(term_start: date) -> Iterator[tuple[str, Row]]:
    for pupil in rows("pupils.csv"):
        birthday = (int(pupil["birth_month"]), int(pupil["birth_day"]))
        later = birthday > (term_start.month, term_start.day)
        year = term_start.year - int(pupil["age"]) - later
        eleven = f"{year:04d}{birthday[0]:02d}{birthday[1]:02d}{pupil['serial']}"
        yield with_check_digit(eleven), pupil


class TestApplications:
    def test_each_fits_age_sharing_and_rule_book(self) -> None:
        courses, pupils = by("course_key", "courses.csv"), by("pupil_key", "pupils.csv")
        for row in rows("applications.csv"):
            course, pupil = courses[row["course_key"]], pupils[row["pupil_key"]]
            age = int(pupil["age"])
            assert int(course["min_age"]) <= age <= int(course["max_age"]), row
            assert pupil["municipality_code"] in members(), row
            assert course["shared"] == "yes" or pupil["municipality_code"] == course["municipality_code"], row
            limits = rule_books()[course["rule_book_id"]].eligibility
            assert (limits.min_age or 0) <= age <= (limits.max_age or 130), row

    def test_nobody_applies_twice_or_for_two_courses_of_one_day(self) -> None:
        courses = by("course_key", "courses.csv")
        days = Counter(
            (row["pupil_key"], courses[row["course_key"]]["weekday"]) for row in rows("applications.csv")
        )
        assert max(days.values()) == 1

    def test_all_arrived_before_the_load_and_none_at_the_same_moment_for_a_course(self) -> None:
        moments = Counter(
            (row["course_key"], row["days_ago"], row["minute_of_day"]) for row in rows("applications.csv")
        )
        assert max(moments.values()) == 1
        assert all(int(row["days_ago"]) >= 1 for row in rows("applications.csv"))
        assert all(0 <= int(row["minute_of_day"]) < 24 * 60 for row in rows("applications.csv"))

    def test_some_courses_are_full_with_a_queue_and_some_empty(self) -> None:
        count = applicants()
        waiting = [count[row["course_key"]] - int(row["capacity"]) for row in rows("courses.csv")]
        queues = [number for number in waiting if number > 0]
        assert len(queues) >= 15
        assert max(queues) <= 9
        assert 1 <= sum(count[row["course_key"]] == 0 for row in rows("courses.csv")) <= 6

    def test_a_good_share_crosses_a_border_from_every_member(self) -> None:
        courses, pupils = by("course_key", "courses.csv"), by("pupil_key", "pupils.csv")
        crossing = [
            pupils[row["pupil_key"]]["municipality_code"]
            for row in rows("applications.csv")
            if pupils[row["pupil_key"]]["municipality_code"]
            != courses[row["course_key"]]["municipality_code"]
        ]
        assert set(crossing) == members()
        assert 0.15 <= len(crossing) / len(rows("applications.csv")) <= 0.35


class TestPersonas:
    def test_their_keys_roles_and_municipalities_exist(self) -> None:
        guardians, pupils = by("guardian_key", "guardians.csv"), by("pupil_key", "pupils.csv")
        municipalities = by("code", "municipalities.csv")
        personas = document("personas.yaml")
        assert len({item["id"] for item in personas}) == len(personas)
        for item in personas:
            assert item["role"] in ROLES
            assert item["email"].endswith("@example.se")
            assert item["language"] in {"sv", "en"}
            people = {"guardian": guardians, "pupil": pupils}.get(item["role"])
            if people is None:
                assert item["person_key"] is None
                code = item["municipality_code"]
                assert code in municipalities or is_county_code(code)
            else:
                assert people[item["person_key"]]["municipality_code"] == item["municipality_code"]

    def test_the_newcomer_finds_a_free_place_in_vasteras_for_the_nine_year_old(self) -> None:
        alma, fiddle = (
            by("pupil_key", "pupils.csv")["p-alma"],
            by("course_key", "courses.csv")["vasteras-saturday-fiddle"],
        )
        assert alma["municipality_code"] == "1962"
        assert alma["age"] == "9"
        assert all(row["pupil_key"] != "p-alma" for row in rows("applications.csv"))
        assert fiddle["shared"] == "yes"
        assert int(fiddle["min_age"]) <= 9 <= int(fiddle["max_age"])
        assert applicants()["vasteras-saturday-fiddle"] < int(fiddle["capacity"])

    def test_the_circus_is_full_for_the_thirteen_year_old_and_elias_waits_there(self) -> None:
        circus = by("course_key", "courses.csv")["vasteras-circus-lab"]
        assert circus["shared"] == "yes"
        assert int(circus["min_age"]) <= 13 <= int(circus["max_age"])
        assert arrivals("vasteras-circus-lab").index("p-elias") >= int(circus["capacity"])
        assert "p-leo" not in arrivals("vasteras-circus-lab")

    @pytest.mark.parametrize(
        ("pupil", "course"), [("p-noor", "vasteras-clay-animation"), ("p-anton", "koping-beats")]
    )
    def test_who_is_said_to_have_a_place_has_one(self, pupil: str, course: str) -> None:
        capacity = int(by("course_key", "courses.csv")[course]["capacity"])
        assert arrivals(course).index(pupil) < capacity
