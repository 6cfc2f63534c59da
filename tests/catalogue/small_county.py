"""A county of three municipalities, small enough to know by heart.

Norrby and Söderby have schools and are members; Utby is no member and has none. Söderby asks nothing for an
instrument and shares one of its two courses.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import yaml

from services.catalogue.domain.course_file import COLUMNS

NORRBY, SODERBY, UTBY = "1901", "1902", "1903"
TERM = "VT2027"  # what families apply for on the day of the tests' clock, 24 November 2026

COUNTY = {
    "code": "19",
    "name": {"sv": "Provlän", "en": "Test County"},
    "cooperation": {"sv": "Provsamarbetet", "en": "The test cooperation"},
    "region": "Region Prov",
}
MUNICIPALITIES = f"""code,name,school_name,member_from,member_to
{NORRBY},Norrby,Norrby kulturskola,2015-01-01,
{SODERBY},Söderby,Söderby kulturskola,2015-01-01,
{UTBY},Utby,,,
"""
ART_FORMS = "key,sv,en\ndance,Dans,Dance\nmusic_instrument,Musik,Music\ncircus,Cirkus,Circus\n"


def rule_book(rule_book_id: str, code: str, school: str, **changes: Any) -> dict[str, Any]:
    return {
        "rule_book_id": rule_book_id,
        "municipality_code": code,
        "school_name": school,
        "valid_from": "2024-01-01",
        "valid_to": None,
        "source": "the tests",
        "eligibility": {"min_age": 6, "max_age": 19, "adult_if_space": False},
        "order": ["queue_date"],
        "fees": [
            {"kind": "instrument", "fee_ore": 85000, "text": {"sv": "Instrument", "en": "Instrument"}},
            {"kind": "dance", "fee_ore": 60050, "text": {"sv": "Dans", "en": "Dance"}},
        ],
        "in_words": [{"sv": "Kön går efter datum.", "en": "The queue goes by date."}],
        **changes,
    }


def priced_by_rules() -> dict[str, Any]:
    """Norrby's book with an instrument at 400 kr up to 6 years, 900 kr later and 500 kr for a sibling."""
    text = {"sv": "Avgift", "en": "Fee"}
    kinds = {"kinds": ["instrument"], "effect": "fee_ore", "text": text}
    return rule_book(
        "norrby",
        NORRBY,
        "Norrby kulturskola",
        fees=[{"kind": "dance", "fee_ore": 60050, "text": text}],
        pricing={
            "rules": [
                {"name": "young", "amount": 40000, "max_age": 6, **kinds},
                {"name": "older", "amount": 90000, "min_age": 7, **kinds},
                {"name": "sibling", "amount": 10000, "child_from": 2, **kinds},
            ]
        },
    )


RULE_BOOKS = [
    rule_book("norrby-2017", NORRBY, "Norrby kulturskola", valid_from="2017-01-01", valid_to="2023-12-31"),
    rule_book("norrby", NORRBY, "Norrby kulturskola"),
    rule_book(
        "soderby",
        SODERBY,
        "Söderby kulturskola",
        order=["host_residents_first", "queue_date"],
        fees=[{"kind": "instrument", "fee_ore": 0, "text": {"sv": "Gratis", "en": "Free"}}],
    ),
]


def course(key: str, **changes: str) -> dict[str, str]:
    """A row of a course file; what is not said is a shared violin course in Norrby."""
    return {
        "course_key": key,
        "municipality_code": NORRBY,
        "rule_book_id": "norrby",
        "title_sv": "Fiol",
        "title_en": "Violin",
        "description_sv": "Vi spelar polskor.",
        "description_en": "We play polskas.",
        "art_form": "music_instrument",
        "fee_kind": "instrument",
        "weekday": "1",
        "starts_at": "16:30",
        "minutes": "40",
        "room": "Sal 1",
        "min_age": "8",
        "max_age": "12",
        "capacity": "5",
        "shared": "yes",
        **changes,
    }


SODERBY_ROW = {"municipality_code": SODERBY, "rule_book_id": "soderby"}
COURSES = [
    course("norrby-violin"),
    course(
        "norrby-dance",
        title_sv="Dans för alla",
        title_en="Dance for all",
        art_form="dance",
        fee_kind="dance",
        weekday="6",
        starts_at="10:00",
        shared="no",
    ),
    course(
        "soderby-cello", title_sv="Cello och änglar", title_en="Cello and angels", weekday="3", **SODERBY_ROW
    ),
    course("soderby-oboe", title_sv="Oboé", title_en="Oboe", weekday="4", shared="no", **SODERBY_ROW),
]


def course_file(rows: list[dict[str, str]], separator: str = ",") -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def write_county(
    folder: Path,
    courses: list[dict[str, str]] | None = None,
    rule_books: list[dict[str, Any]] | None = None,
    municipalities: str = MUNICIPALITIES,
) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "county.yaml").write_text(yaml.safe_dump(COUNTY, allow_unicode=True), encoding="utf-8")
    (folder / "municipalities.csv").write_text(municipalities, encoding="utf-8")
    (folder / "art_forms.csv").write_text(ART_FORMS, encoding="utf-8")
    books = yaml.safe_dump(RULE_BOOKS if rule_books is None else rule_books, allow_unicode=True)
    (folder / "rulebooks.yaml").write_text(books, encoding="utf-8")
    (folder / "courses.csv").write_bytes(course_file(COURSES if courses is None else courses))
    return folder
