"""Pages of school staff: the school's courses, a course's participants, the municipality's own elsewhere."""

from __future__ import annotations

from werkzeug.utils import secure_filename
from werkzeug.wrappers import Response

from services.chassis.clock import age_on, local_date
from services.chassis.refusals import N_
from services.chassis.spreadsheet import CSV_TYPE, XLSX_TYPE, Sheet, csv_file, workbook
from services.chassis.web.access import NotFound, only
from services.chassis.web.context import Context
from services.chassis.web.files import download
from services.chassis.web.languages import speakable
from services.chassis.web.routes import Routes
from services.enrolment import queries, words
from services.enrolment.domain.next_action import NOTHING
from services.enrolment.next_actions import next_actions, of_school
from services.enrolment.pages import today_of
from services.enrolment.rollover.queries import terms_to_settle
from services.enrolment.rounds.outcomes import own_without_place
from services.enrolment.tables import courses

routes = Routes()


def host_of_course(context: Context, course_id: str) -> str | None:
    with context.parts.storage.reading() as connection:
        return queries.host_of_course(connection, course_id)


STAFF = only("staff")
STAFF_OF_HOST = only("staff", municipality=host_of_course)


@routes.page("/staff", access=STAFF)
def staff_home(context: Context) -> Response:
    municipality = context.signed_in.municipality
    with context.parts.storage.reading() as connection:
        of_mine = queries.courses_of_school(connection, municipality)
        elsewhere = queries.pupils_elsewhere(connection, municipality, today_of(context))
        names = queries.municipality_names(connection)
        to_settle = terms_to_settle(connection, municipality, today_of(context))
        actions = next_actions(connection, today_of(context), of_school(municipality))
        without = own_without_place(connection, municipality, today_of(context))
    return context.render(
        "staff.html",
        unsettled=[term for term in to_settle if term.left],
        actions=actions,
        # Those with something to do first, and then those with a queue, as they were.
        courses=sorted(of_mine, key=lambda course: actions[course.course_id].name == NOTHING),
        elsewhere=elsewhere,
        without=without,
        municipality_name=names.get(municipality, municipality),
        words=words,
        seats=sum(course.capacity for course in of_mine),
        taken=sum(course.taken for course in of_mine),
        waiting=sum(course.waiting for course in of_mine),
    )


@routes.page("/staff/courses/<course_id>", access=STAFF_OF_HOST)
def participants_page(context: Context, course_id: str) -> Response:
    with context.parts.storage.reading() as connection:
        found = queries.course(connection, course_id)
        participants = queries.participants(connection, course_id, today_of(context))
        actions = next_actions(connection, today_of(context), courses.c.course_id == course_id)
    if found is None:
        raise NotFound
    course, state = found
    return context.render(
        "participants.html",
        action=actions[course_id],
        course=course,
        participants=participants,
        age=lambda pupil: age_on(pupil.born_on, state.terms.term_starts_on),
        from_elsewhere=sum(
            a.state == "placed" and not a.pupil.protected and a.pupil.home.code != course.municipality_code
            for a in participants
        ),
        today=local_date(context.parts.clock.now()),
        words=words,
    )


_COLUMNS = (
    N_("Name"),
    N_("Age"),
    N_("Home municipality"),
    N_("State"),
    N_("No. in the queue"),
    N_("Queue date"),
    N_("Since"),
    N_("Guardian"),
    N_("Course"),
    N_("Term"),
)


@routes.page("/staff/courses/<course_id>/participants.csv", access=STAFF_OF_HOST)
def participants_csv(context: Context, course_id: str) -> Response:
    """A participant a row, for a Swedish spreadsheet."""
    name, headings, rows = _list(context, course_id)
    return download(csv_file(headings, rows), CSV_TYPE, f"{name}.csv")


@routes.page("/staff/courses/<course_id>/participants.xlsx", access=STAFF_OF_HOST)
def participants_xlsx(context: Context, course_id: str) -> Response:
    name, headings, rows = _list(context, course_id)
    content = workbook([Sheet(context.texts.gettext("Participants"), tuple(headings), rows)])
    return download(content, XLSX_TYPE, f"{name}.xlsx")


def _list(context: Context, course_id: str) -> tuple[str, list[str], list[list[str]]]:
    """The file's name without its kind, the headings, and a row a participant."""
    say = context.texts.gettext
    with context.parts.storage.reading() as connection:
        found = queries.course(connection, course_id)
        participants = queries.participants(connection, course_id, today_of(context))
    if found is None:
        raise NotFound
    course, state = found
    name = secure_filename(f"{speakable(course.title)} {speakable(course.term)}") or "participants"
    rows = [
        [
            each.pupil.name,
            str(age_on(each.pupil.born_on, state.terms.term_starts_on)),
            "" if each.pupil.protected else each.pupil.home.name,
            say(words.STATES[each.state]),
            "" if each.position is None else str(each.position),
            local_date(each.queued_at).isoformat(),
            local_date(each.queued_at if each.state == "queued" else each.changed_at).isoformat(),
            "" if each.pupil.protected else each.guardian_name or "",
            speakable(course.title),
            speakable(course.term),
        ]
        for each in participants
    ]
    return name, [say(heading) for heading in _COLUMNS], rows
