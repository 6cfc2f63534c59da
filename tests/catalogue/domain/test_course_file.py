"""A course file is read strictly: every broken row says its number, its column and what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalogue.domain.course_file import COLUMNS, MOST_BYTES, MOST_ROWS, read_course_file
from services.chassis.refusals import Refused
from tests.catalogue.small_county import COURSES, course, course_file


def problems_of(*rows: dict[str, str]) -> list[tuple[int, str]]:
    _, problems = read_course_file(course_file(list(rows)))
    assert all(problem.name == "course_file_row_invalid" for problem in problems)
    return [(problem.facts["row"], problem.facts["column"]) for problem in problems]


def refusal_of(data: bytes) -> Refused:
    with pytest.raises(Refused) as raised:
        read_course_file(data)
    return raised.value


def test_a_good_file() -> None:
    rows, problems = read_course_file(course_file(COURSES))
    assert problems == []
    assert [row.number for row in rows] == [2, 3, 4, 5]
    first = rows[0]
    assert (first.course_key, first.weekday, first.starts_at, first.shared) == (
        "norrby-violin", 1, "16:30", True,
    )  # fmt: skip
    assert (first.title.sv, first.title.en) == ("Fiol", "Violin")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("course_key", "Norrby Fiol"),
        ("course_key", "-norrby"),
        ("course_key", "a" * 65),
        ("municipality_code", "190"),
        ("municipality_code", "１９０１"),
        ("rule_book_id", ""),
        ("title_sv", ""),
        ("title_sv", "x" * 121),
        ("title_en", "=HYPERLINK(1)"),
        ("title_sv", "bell\x07"),
        ("description_sv", "x" * 2001),
        ("description_en", "   "),
        ("art_form", "x" * 33),
        ("fee_kind", ""),
        ("weekday", "0"),
        ("weekday", "8"),
        ("weekday", "måndag"),
        ("weekday", "1.0"),
        ("weekday", "²"),
        ("starts_at", "24:00"),
        ("starts_at", "9:30"),
        ("starts_at", "16.30"),
        ("minutes", "9"),
        ("minutes", "481"),
        ("room", ""),
        ("min_age", "-1"),
        ("max_age", "131"),
        ("capacity", "0"),
        ("capacity", "1001"),
        ("capacity", "9" * 30),
        ("shared", "ja"),
        ("shared", "Yes"),
        ("shared", ""),
    ],
)
def test_a_broken_field_is_named_with_its_row(column: str, value: str) -> None:
    assert problems_of(course("one"), course("two", **{column: value})) == [(3, column)]


def test_ages_the_wrong_way_round() -> None:
    assert problems_of(course("one", min_age="12", max_age="8")) == [(2, "max_age")]


def test_a_key_twice_names_the_second_row() -> None:
    assert problems_of(course("one"), course("two"), course("one")) == [(4, "course_key")]


def test_a_row_with_too_few_or_too_many_fields() -> None:
    data = course_file([course("one")]) + b"two,1901\r\n"
    _, problems = read_course_file(data)
    assert [(p.facts["row"], p.facts["column"], p.facts["given"]) for p in problems] == [
        (3, "rule_book_id", 2)
    ]
    longer = course_file([course("one")]).rstrip() + b",more,and more\r\n"
    _, problems = read_course_file(longer)
    assert [(p.facts["row"], p.facts["column"]) for p in problems] == [(2, "shared")]


def test_what_is_quoted_in_a_reason_is_short() -> None:
    _, problems = read_course_file(course_file([course("one", weekday="x" * 5000)]))
    assert len(str(problems[0].facts["given"])) < 50


@pytest.mark.parametrize("separator", [",", ";"])
def test_commas_or_semicolons_a_mark_and_empty_rows(separator: str) -> None:
    data = b"\xef\xbb\xbf" + course_file(COURSES, separator) + f"{separator * 16}\r\n\r\n".encode()
    rows, problems = read_course_file(data)
    assert (len(rows), problems) == (4, [])


def test_columns_in_any_order() -> None:
    header, row = course_file([course("one")]).decode().splitlines()
    turned = [",".join(reversed(line.split(","))) for line in (header, row)]
    rows, problems = read_course_file("\n".join(turned).encode())
    assert (rows[0].course_key, problems) == ("one", [])


def test_a_text_over_several_lines_counts_as_one_row() -> None:
    _, problems = read_course_file(
        course_file([course("one", description_sv="En rad\noch en till"), course("two", weekday="9")])
    )
    assert [problem.facts["row"] for problem in problems] == [3]


def test_a_missing_a_strange_and_a_doubled_column() -> None:
    good = course_file([course("one")]).decode()
    for header, column in [
        (good.replace("weekday,", "", 1), "weekday"),
        (good.replace("weekday,", "weekday,extra,", 1), "extra"),
        (good.replace("weekday,", "weekday,weekday,", 1), "weekday"),
    ]:
        refusal = refusal_of(header.encode()).refusal
        assert (refusal.name, refusal.facts["row"], refusal.facts["column"]) == (
            "course_file_row_invalid", 1, column,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "course_file_row_invalid"),
        (",".join(COLUMNS).encode(), "course_file_unreadable"),
        ("kurs å".encode("latin-1"), "course_file_unreadable"),
        (b"\x00\x01\x02", "course_file_unreadable"),
        (",".join(COLUMNS).encode() + b'\n"never closed', "course_file_unreadable"),
        (b"x" * (MOST_BYTES + 1), "course_file_too_long"),
        (",".join(COLUMNS).encode() + b"\na" * (MOST_ROWS + 1), "course_file_too_long"),
    ],
)
def test_what_is_no_course_file(data: bytes, name: str) -> None:
    assert refusal_of(data).refusal.name == name


@given(st.binary(max_size=2000))
def test_any_bytes_are_answered_with_rows_or_a_refusal(data: bytes) -> None:
    name = ""
    try:
        rows, problems = read_course_file(data)
    except Refused as refused:
        name = refused.refusal.name
    assert name.startswith("course_file_") or rows or problems


FIELDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)


@given(st.lists(FIELDS, min_size=len(COLUMNS), max_size=len(COLUMNS)))
def test_any_fields_are_a_course_or_a_problem(fields: list[str]) -> None:
    data = course_file([course("one"), dict(zip(COLUMNS, fields, strict=True))])
    rows, problems = read_course_file(data)
    assert rows[0].course_key == "one"
    assert all(problem.status == 422 for problem in problems)
