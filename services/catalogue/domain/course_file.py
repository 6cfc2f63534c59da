"""A school's courses as a CSV file: read strictly, and every broken row said with its row, column and reason.

The columns are COLUMNS, and OPTIONAL_COLUMNS where they are wanted, in any order, with a header; UTF-8;
separated by commas, or by semicolons as Swedish spreadsheets write it. The header is row 1, as in a
spreadsheet.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.chassis.refusals import N_, Refusal, Refused
from services.contracts.fact import LocalText

MOST_ROWS = 5000
MOST_BYTES = 900_000  # a request holds a megabyte at most
MOST_PROBLEMS = 20  # said at once; nobody mends more before trying again

_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
BEGINS_ANEW = "no"
_LINE_ENDS = "\n\r\t"
_FORMULA_STARTS = ("=", "+", "-", "@")


@dataclass(frozen=True, slots=True)
class CourseRow:
    """A row as the school wrote it. Ages in years on the first day of the term; `weekday` 1 is Monday."""

    number: int
    course_key: str
    municipality_code: str
    rule_book_id: str
    title: LocalText
    description: LocalText
    art_form: str
    fee_kind: str
    weekday: int
    starts_at: str
    minutes: int
    room: str
    min_age: int
    max_age: int
    capacity: int
    shared: bool
    # What a queue date is for, `violin`; None: the art form.
    subject: str | None = None
    # The key of the course of the term before that goes on in this one; None: the one with the same key, if
    # there is one; BEGINS_ANEW: none.
    continues: str | None = None


class _Broken(Exception):
    """A field that does not fit: its reason, and what the reason speaks of."""

    def __init__(self, reason: str, **facts: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        self.facts = facts


def broken_row(number: int, column: str, reason: str, **facts: Any) -> Refusal:
    """The refusal of a file for one row of it."""
    facts = {name: _cut(value) if isinstance(value, str) else value for name, value in facts.items()}
    return Refusal("course_file_row_invalid", reason, {"row": number, "column": column, **facts}, status=422)


def _cut(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


def _text(longest: int) -> Callable[[str], str]:
    def read(given: str) -> str:
        if not given:
            raise _Broken(N_("Row %(row)s, column %(column)s: this must not be empty."))
        if len(given) > longest:
            raise _Broken(
                N_(
                    "Row %(row)s, column %(column)s: the text has %(length)s characters; "
                    "at most %(limit)s are allowed."
                ),
                length=len(given),
                limit=longest,
            )
        if given.startswith(_FORMULA_STARTS):
            raise _Broken(
                N_(
                    "Row %(row)s, column %(column)s: the text begins with “%(given)s”, "
                    "which a spreadsheet would run as a formula."
                ),
                given=given[0],
            )
        if any(unicodedata.category(sign) == "Cc" and sign not in _LINE_ENDS for sign in given):
            raise _Broken(N_("Row %(row)s, column %(column)s: the text holds a control character."))
        return given

    return read


def _pattern(pattern: re.Pattern[str], longest: int, reason: str) -> Callable[[str], str]:
    def read(given: str) -> str:
        if len(given) > longest or pattern.fullmatch(given) is None:
            raise _Broken(reason, given=given)
        return given

    return read


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(given: str) -> int:
        if not given.isascii() or not given.isdigit() or len(given) > 6 or not low <= int(given) <= high:
            raise _Broken(
                N_(
                    "Row %(row)s, column %(column)s: write a whole number from %(low)s to %(high)s, "
                    "not “%(given)s”."
                ),
                low=low,
                high=high,
                given=given,
            )
        return int(given)

    return read


def _yes_or_no(given: str) -> bool:
    if given not in ("yes", "no"):
        raise _Broken(N_("Row %(row)s, column %(column)s: write yes or no, not “%(given)s”."), given=given)
    return given == "yes"


_KEY_REASON = N_(
    "Row %(row)s, column %(column)s: write small letters a–z, digits and hyphens, at most 64, "
    "not “%(given)s”."
)
_CODE_REASON = N_("Row %(row)s, column %(column)s: write a municipality's four digits, not “%(given)s”.")
_TIME_REASON = N_("Row %(row)s, column %(column)s: write a time such as 16:30, not “%(given)s”.")

_READERS: Mapping[str, Callable[[str], Any]] = {
    "course_key": _pattern(_KEY, 64, _KEY_REASON),
    "municipality_code": _pattern(re.compile("[0-9]{4}"), 4, _CODE_REASON),
    "rule_book_id": _text(64),
    "title_sv": _text(120),
    "title_en": _text(120),
    "description_sv": _text(2000),
    "description_en": _text(2000),
    "art_form": _text(32),
    "fee_kind": _text(64),
    "weekday": _whole(1, 7),
    "starts_at": _pattern(_TIME, 5, _TIME_REASON),
    "minutes": _whole(10, 480),
    "room": _text(120),
    "min_age": _whole(0, 130),
    "max_age": _whole(0, 130),
    "capacity": _whole(1, 1000),
    "shared": _yes_or_no,
}
COLUMNS = tuple(_READERS)
_OPTIONAL_READERS: Mapping[str, Callable[[str], Any]] = {
    "subject": lambda given: _pattern(_KEY, 64, _KEY_REASON)(given) if given else None,
    "continues": lambda given: _pattern(_KEY, 64, _KEY_REASON)(given) if given else None,
}
OPTIONAL_COLUMNS = tuple(_OPTIONAL_READERS)
_ALL_READERS = {**_READERS, **_OPTIONAL_READERS}


def read_course_file(data: bytes) -> tuple[list[CourseRow], list[Refusal]]:
    """The rows that can be read, and what is wrong with the others, one refusal a row.

    Raises Refused where there is no reading it at all: not text, no such header, too long.
    """
    records = _records(_decoded(data))
    header = [name.strip().lower() for name in records[0]] if records else []
    _check_header(header)
    if len(records) - 1 > MOST_ROWS:
        raise Refused(
            Refusal(
                "course_file_too_long",
                N_("The file has more than %(limit)s rows. Divide it. Nothing was imported."),
                {"limit": MOST_ROWS},
                status=422,
            )
        )
    rows: list[CourseRow] = []
    problems: list[Refusal] = []
    for number, record in enumerate(records[1:], start=2):
        if not any(field.strip() for field in record):
            continue  # spreadsheets leave empty rows at the end
        row = _read_row(number, header, record)
        if isinstance(row, CourseRow):
            rows.append(row)
        else:
            problems.append(row)
    if not rows and not problems:
        raise Refused(_unreadable(N_("The file has a header but no course below it. Nothing was imported.")))
    return rows, problems + _doubles(rows)


def _decoded(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise Refused(
            Refusal(
                "course_file_too_long",
                N_("The file is larger than %(limit)s kB. Divide it. Nothing was imported."),
                {"limit": MOST_BYTES // 1000},
                status=413,
            )
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(
            _unreadable(
                N_("The file is not UTF-8. Save it as “CSV UTF-8” and try again. Nothing was imported.")
            )
        ) from error
    if "\x00" in text:
        raise Refused(_unreadable(N_("The file is not a CSV file. Nothing was imported.")))
    return text


def _unreadable(reason: str) -> Refusal:
    return Refusal("course_file_unreadable", reason, status=422)


def _records(text: str) -> list[list[str]]:
    first_line = text.split("\n", 1)[0]
    separator = ";" if first_line.count(";") > first_line.count(",") else ","
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise Refused(
            _unreadable(
                N_("The file is not a CSV file: a quotation mark is never closed. Nothing was imported.")
            )
        ) from error


def _check_header(header: list[str]) -> None:
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise Refused(broken_row(1, missing[0], N_("Row %(row)s: the header lacks the column %(column)s.")))
    for position, name in enumerate(header):
        if name not in _ALL_READERS or name in header[:position]:
            raise Refused(
                broken_row(
                    1,
                    _cut(name),
                    N_("Row %(row)s: the column %(column)s is not known, or stands there twice."),
                )
            )


def _read_row(number: int, header: list[str], record: list[str]) -> CourseRow | Refusal:
    if len(record) != len(header):
        column = header[min(len(record), len(header) - 1)]
        return broken_row(
            number,
            column,
            N_("Row %(row)s has %(given)s fields where the header has %(expected)s, from %(column)s on."),
            given=len(record),
            expected=len(header),
        )
    values: dict[str, Any] = {}
    for column, given in zip(header, record, strict=True):
        try:
            values[column] = _ALL_READERS[column](given.strip())
        except _Broken as broken:
            return broken_row(number, column, broken.reason, **broken.facts)
    if values["max_age"] < values["min_age"]:
        reason = N_("Row %(row)s, column %(column)s: the oldest age is below the youngest.")
        return broken_row(number, "max_age", reason)
    return CourseRow(
        number=number,
        title=LocalText(sv=values.pop("title_sv"), en=values.pop("title_en")),
        description=LocalText(sv=values.pop("description_sv"), en=values.pop("description_en")),
        **values,
    )


def _doubles(rows: list[CourseRow]) -> list[Refusal]:
    first_seen: dict[str, int] = {}
    problems = []
    for row in rows:
        other = first_seen.setdefault(row.course_key, row.number)
        if other != row.number:
            reason = N_("Row %(row)s, column %(column)s: row %(other)s has the key %(given)s already.")
            problems.append(broken_row(row.number, "course_key", reason, other=other, given=row.course_key))
    return problems
