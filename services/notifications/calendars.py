"""Calendar files (RFC 5545) of places: one weekly event a place, in local time all the year round."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import icalendar

from services.chassis.refusals import N_
from services.chassis.web.languages import Texts, current_language
from services.contracts.fact import LocalText
from services.notifications.domain.lessons import Lessons

ZONE = "Europe/Stockholm"
# The rules of the European Union since 1996, as rules: programs that know no zones by name follow them.
_ZONE_SOURCE = f"""\
BEGIN:VTIMEZONE
TZID:{ZONE}
BEGIN:DAYLIGHT
TZNAME:CEST
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
DTSTART:19960331T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZNAME:CET
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
"""


@dataclass(frozen=True, slots=True)
class CalendarPlace:
    """A place as far as a calendar shows it. `changed_at` is when what it shows last changed."""

    application_id: str
    title: LocalText
    school: str
    room: str
    lessons: Lessons
    pupil_name: str | None
    changed_at: datetime


def calendar_file(places: Iterable[CalendarPlace], texts: Texts, my_page: str) -> bytes:
    """The file, in the language being spoken. The same places give the same bytes."""
    calendar = icalendar.Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//Samklang//Places//EN")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("x-wr-calname", "Samklang")
    calendar.add("x-wr-timezone", ZONE)
    calendar.add_component(icalendar.Timezone.from_ical(_ZONE_SOURCE))
    for place in places:
        calendar.add_component(_event(place, texts, my_page))
    content: bytes = calendar.to_ical()
    return content


def _event(place: CalendarPlace, texts: Texts, my_page: str) -> icalendar.Event:
    lessons = place.lessons
    title = place.title.in_language(current_language())
    event = icalendar.Event()
    # The application's id is made once and never given to another place.
    event.add("uid", f"{place.application_id}@samklang")
    # In a file that is no invitation, DTSTAMP says when the event last changed: RFC 5545, 3.8.7.2.
    event.add("dtstamp", place.changed_at.astimezone(UTC).replace(microsecond=0))
    event.add("last-modified", place.changed_at.astimezone(UTC).replace(microsecond=0))
    event.add("summary", f"{place.pupil_name}: {title}" if place.pupil_name else title)
    event.add("dtstart", lessons.first_start())
    event.add("dtend", lessons.first_end())
    if lessons.last_on - lessons.first_on >= timedelta(days=7):
        # An UNTIL beside a start with a zone is in UTC: RFC 5545, 3.3.10.
        event.add("rrule", {"freq": "weekly", "until": lessons.last_start().astimezone(UTC)})
    event.add("location", f"{place.room}, {place.school}")
    event.add(
        "description",
        texts.gettext(
            N_("The lesson is every week. The school tells you which weeks have no lesson, such as holidays.")
        ),
    )
    event.add("url", my_page)
    return event
