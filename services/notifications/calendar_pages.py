"""Calendar files of places, for a guardian or a pupil: one place, or all of them."""

from __future__ import annotations

from werkzeug.wrappers import Response

from services.chassis.web.access import NotFound
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes
from services.notifications import queries
from services.notifications.calendars import calendar_file
from services.notifications.own import FAMILIES, person_of

routes = Routes()


@routes.page("/calendar/mine.ics", access=FAMILIES)
def all_places(context: Context) -> Response:
    return calendar_of_all(context)


@routes.page("/calendar/places/<application_id>.ics", access=FAMILIES)
def one_place(context: Context, application_id: str) -> Response:
    return calendar_of_one(context, application_id)


def calendar_of_all(context: Context) -> Response:
    """A calendar without events is still a calendar: whoever has no place gets an empty one."""
    return _file(context, None, "samklang.ics")


def calendar_of_one(context: Context, application_id: str) -> Response:
    """Raises NotFound for a place that has ended, is another family's, or never was."""
    return _file(context, application_id, "samklang-place.ics")


def _file(context: Context, application_id: str | None, name: str) -> Response:
    with context.parts.storage.reading() as connection:
        places = queries.calendar_places(connection, person_of(context), application_id)
    if application_id is not None and not places:
        raise NotFound
    my_page = f"{context.parts.settings.public_url}/my"
    return Response(
        calendar_file(places, context.texts, my_page),
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
