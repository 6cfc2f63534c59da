"""The host's staff cancel a course, with a reason that the families read."""

from __future__ import annotations

import marshmallow
from werkzeug.wrappers import Response

from services.catalogue import commands
from services.catalogue.forms import CancelBody
from services.catalogue.queries import courses
from services.catalogue.queries.courses import CourseView
from services.chassis.refusals import N_
from services.chassis.web.access import only
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes
from services.contracts.fact import LocalText

routes = Routes()


def host_of_course(context: Context, course_id: str) -> str:
    """The municipality whose staff may act on the course. Raises Refused for an unknown course."""
    with context.parts.storage.reading() as connection:
        return courses.host_of(connection, course_id)


@routes.page("/courses/<course_id>/cancel", access=only("staff", municipality=host_of_course))
def ask_to_cancel(context: Context, course_id: str) -> Response:
    view = _course(context, course_id)
    if view.is_cancelled:
        return context.redirect(f"/courses/{course_id}")
    return _form(context, view, {}, {})


@routes.page(
    "/courses/<course_id>/cancel",
    access=only("staff", municipality=host_of_course),
    methods=("POST",),
)
def cancel(context: Context, course_id: str) -> Response:
    try:
        reason = context.load_form(CancelBody(unknown=marshmallow.EXCLUDE))
    except marshmallow.ValidationError as error:
        say = context.texts.gettext(N_("Write the reason in 3 to 500 characters."))
        errors = {name: say for name in error.messages_dict}
        return _form(context, _course(context, course_id), dict(context.request.form), errors)
    with context.parts.storage.unit() as unit:
        commands.cancel_course(
            unit,
            course_id,
            LocalText(sv=reason["reason_sv"], en=reason["reason_en"]),
            context.signed_in.audit_name,
        )
    said = N_("The course is cancelled. The families are told.")
    return context.redirect(f"/courses/{course_id}", context.texts.gettext(said))


def _course(context: Context, course_id: str) -> CourseView:
    with context.parts.storage.reading() as connection:
        return courses.course(connection, course_id)


def _form(context: Context, view: CourseView, given: dict[str, str], errors: dict[str, str]) -> Response:
    status = 422 if errors else 200
    return context.render("cancel.html", http_status=status, view=view, given=given, errors=errors)
