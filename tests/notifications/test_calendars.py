"""Calendar files, read back by icalendar and by the rule they carry."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
from dateutil.rrule import rrulestr

import services.notifications
from services.chassis.web.languages import Texts, speak
from services.contracts.fact import LocalText
from services.notifications.calendars import CalendarPlace, calendar_file
from services.notifications.domain.lessons import Lessons

STOCKHOLM = ZoneInfo("Europe/Stockholm")
TEXTS = Texts(Path(services.notifications.__file__).parent / "locale")
CHANGED_AT = datetime(2026, 11, 24, 9, 0, 0, 123456, tzinfo=UTC)


def place(first: date, last: date, starts_at: str = "16:30", **changes: Any) -> CalendarPlace:
    values: dict[str, Any] = {
        "application_id": "a1",
        "title": LocalText("Lördagsfiol, grupp; 1", "Saturday fiddle"),
        "school": "Västerås kulturskola",
        "room": "Växhuset, sal 1",
        "lessons": Lessons(first, last, starts_at, 60),
        "pupil_name": "Alma",
        "changed_at": CHANGED_AT,
    }
    return CalendarPlace(**{**values, **changes})


def file_of(*places: CalendarPlace, language: str = "sv") -> bytes:
    speak(language)
    return calendar_file(places, TEXTS, "https://samklang.test/my")


def event_of(content: bytes) -> Any:
    (event,) = icalendar.Calendar.from_ical(content).walk("VEVENT")
    return event


def starts_of(event: Any) -> list[datetime]:
    """Every start by the file's own rule, in local time."""
    first = event.decoded("dtstart")
    if "rrule" not in event:
        return [first]
    rule = rrulestr(event["rrule"].to_ical().decode(), dtstart=first)
    return list(rule)


def test_what_the_event_says() -> None:
    event = event_of(file_of(place(date(2027, 1, 16), date(2027, 6, 5))))
    assert event["uid"] == "a1@samklang"
    assert event["summary"] == "Alma: Lördagsfiol, grupp; 1"
    assert event["location"] == "Växhuset, sal 1, Västerås kulturskola"
    assert event["url"] == "https://samklang.test/my"
    assert "Skolan berättar vilka veckor" in event["description"]
    assert event.decoded("dtstamp") == CHANGED_AT.replace(microsecond=0)
    assert event["dtstart"].params["TZID"] == "Europe/Stockholm"
    assert event.decoded("dtend") - event.decoded("dtstart") == timedelta(hours=1)


def test_the_description_is_in_the_reader_s_language() -> None:
    event = event_of(file_of(place(date(2027, 1, 16), date(2027, 6, 5)), language="en"))
    assert event["summary"] == "Alma: Saturday fiddle"
    assert "The school tells you" in event["description"]


def test_local_time_stays_when_the_clock_is_moved_inside_the_term() -> None:
    starts = starts_of(event_of(file_of(place(date(2027, 1, 16), date(2027, 6, 5)))))
    assert {start.strftime("%A %H:%M") for start in starts} == {"Saturday 16:30"}
    assert {start.utcoffset() for start in starts} == {timedelta(hours=1), timedelta(hours=2)}
    assert (starts[0].date(), starts[-1].date(), len(starts)) == (date(2027, 1, 16), date(2027, 6, 5), 21)


@pytest.mark.parametrize("starts_at", ["00:00", "00:30", "16:30", "23:30"])
@pytest.mark.parametrize(
    ("first", "weeks"), [(date(2027, 1, 16), 20), (date(2027, 9, 4), 14), (date(2027, 1, 17), 10)]
)
def test_the_last_lesson_is_in_and_none_after_it(starts_at: str, first: date, weeks: int) -> None:
    last = first + timedelta(weeks=weeks)
    starts = starts_of(event_of(file_of(place(first, last, starts_at))))
    assert [start.date() for start in starts] == [first + timedelta(weeks=n) for n in range(weeks + 1)]
    assert {start.strftime("%H:%M") for start in starts} == {starts_at}


def test_a_lesson_on_the_leap_day() -> None:
    starts = starts_of(event_of(file_of(place(date(2028, 2, 15), date(2028, 3, 14)))))
    assert [start.date() for start in starts] == [
        date(2028, 2, 15),
        date(2028, 2, 22),
        date(2028, 2, 29),
        date(2028, 3, 7),
        date(2028, 3, 14),
    ]
    assert starts_of(event_of(file_of(place(date(2028, 2, 29), date(2028, 2, 29)))))[0].date() == date(
        2028, 2, 29
    )


def test_a_single_lesson_has_no_rule() -> None:
    assert "rrule" not in event_of(file_of(place(date(2027, 1, 16), date(2027, 1, 16))))


def test_the_zone_s_own_rules_agree_with_the_world_s() -> None:
    """A program that takes the zone from the file and one that knows it by name show the same time."""
    calendar = icalendar.Calendar.from_ical(file_of(place(date(2027, 1, 16), date(2027, 6, 5))))
    (zone,) = calendar.walk("VTIMEZONE")
    assert zone["tzid"] == "Europe/Stockholm"
    from_file = zone.to_tz(lookup_tzid=False)
    moment = datetime(2026, 1, 1, 12, 0)  # noqa: DTZ001 (a time on the wall)
    while moment.year < 2032:
        assert moment.replace(tzinfo=from_file).utcoffset() == moment.replace(tzinfo=STOCKHOLM).utcoffset()
        moment += timedelta(days=1)


def test_the_same_place_makes_the_same_file_with_lines_that_programs_accept() -> None:
    content = file_of(place(date(2027, 1, 16), date(2027, 6, 5), room="Ö" * 200))
    assert content == file_of(place(date(2027, 1, 16), date(2027, 6, 5), room="Ö" * 200))
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    assert content.endswith(b"END:VCALENDAR\r\n")


def test_all_places_in_one_calendar_and_none_in_an_empty_one() -> None:
    both = file_of(
        place(date(2027, 1, 16), date(2027, 6, 5)),
        place(date(2027, 1, 18), date(2027, 6, 7), application_id="a2"),
    )
    assert [event["uid"] for event in icalendar.Calendar.from_ical(both).walk("VEVENT")] == [
        "a1@samklang",
        "a2@samklang",
    ]
    assert icalendar.Calendar.from_ical(file_of()).walk("VEVENT") == []


def test_a_pupil_s_own_calendar_does_not_name_it() -> None:
    own = event_of(file_of(place(date(2027, 1, 16), date(2027, 6, 5), pupil_name=None)))
    assert own["summary"] == "Lördagsfiol, grupp; 1"
