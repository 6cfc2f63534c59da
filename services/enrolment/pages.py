"""Pages of families: apply, my page, and what one can do with an application."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.wrappers import Response

from services.chassis.clock import local_date
from services.chassis.ids import new_id
from services.chassis.refusals import N_, Refused
from services.chassis.web.access import NotFound, only
from services.chassis.web.context import Context
from services.chassis.web.inputs import IdField
from services.chassis.web.routes import Routes
from services.chassis.web.wrong import NOTHING_WRONG, Wrong, what_is_wrong
from services.enrolment import answering, commands, next_term, pupil_queries, queries, words
from services.enrolment.commands import NewPupil
from services.enrolment.domain.admission import CARRIED_OVER, CourseState
from services.enrolment.domain.offers import keeps_place_in_queue
from services.enrolment.forms import Text
from services.enrolment.rounds import queries as round_queries

routes = Routes()
FAMILY = only("guardian", "pupil")
GUARDIAN = only("guardian")


def today_of(context: Context) -> date:
    return local_date(context.parts.clock.now())


def person_id(context: Context) -> str:
    """The guardian or pupil who asks."""
    person = context.signed_in.person_id
    if person is None:
        raise NotFound
    return person


@routes.page("/my", access=FAMILY)
def my_page(context: Context) -> Response:
    person = person_id(context)
    with context.parts.storage.reading() as connection:
        pupils = queries.pupils_of(connection, person, today_of(context))
        applications = queries.applications_of_person(connection, person, today_of(context))
        rounds = round_queries.rounds_to_see(connection, pupils, today_of(context))
        active = [each.application_id for each in applications if each.is_active]
        next_terms = next_term.next_terms(connection, active, today_of(context))
    family = [
        {
            "pupil": pupil,
            "active": [a for a in applications if a.is_active and a.pupil.pupil_id == pupil.pupil_id],
            "ranked": _ranked(applications, pupil.pupil_id),
            "ended": [a for a in applications if not a.is_active and a.pupil.pupil_id == pupil.pupil_id],
        }
        for pupil in pupils
    ]
    return context.render(
        "my.html", family=family, rounds=rounds, next_terms=next_terms, today=today_of(context), words=words
    )


def _ranked(applications: Sequence[queries.Application], pupil_id: str) -> list[list[queries.Application]]:
    """A pupil's choices by rank, a list a school and term where it has several to rank."""
    found: dict[tuple[str, str], list[queries.Application]] = {}
    for each in applications:
        if each.is_active and each.choice is not None and each.pupil.pupil_id == pupil_id:
            found.setdefault((each.course.municipality_code, each.course.term.en), []).append(each)
    return [sorted(each, key=lambda one: one.choice or 0) for each in found.values() if len(each) > 1]


def my_application(context: Context, application_id: str) -> queries.Application:
    """The application, if it is of one of the visitor's pupils; else there is no such thing."""
    with context.parts.storage.reading() as connection:
        found = queries.application_of_person(
            connection, application_id, person_id(context), today_of(context)
        )
    if found is None:
        raise NotFound
    return found


@routes.page("/my/applications/<application_id>", access=FAMILY)
def application_page(context: Context, application_id: str) -> Response:
    return show_application(context, my_application(context, application_id), NOTHING_WRONG)


def show_application(context: Context, application: queries.Application, wrong: Wrong) -> Response:
    """`wrong` is about the form of rental and Fritidskort."""
    application_id = application.application_id
    with context.parts.storage.reading() as connection:
        events = queries.events(connection, application_id)
        found = queries.course(connection, application.course.course_id)
        answers = pupil_queries.answers_to(connection, application_id, person_id(context), today_of(context))
        titles = round_queries.titles(connection, [wish[0] for wish in application.wishes])
    state = None if found is None else found[1]
    return context.render(
        "application.html",
        http_status=wrong.status,
        wrong=wrong,
        given=context.request.form,
        application=application,
        events=events,
        titles=titles,
        words=words,
        has_party=application.party_id is not None,
        decline_means=context.texts.gettext(_decline_means(application, state)),
        answers=answers,
    )


def _decline_means(application: queries.Application, course: CourseState | None) -> str:
    if application.rule == CARRIED_OVER:
        return N_("If you say no, the place ends with this term and goes to the next in line at once.")
    if course is not None and keeps_place_in_queue(course.rule_book, application.declines, expired=False):
        return N_("If you say no this time, the place in the queue is kept.")
    return N_("If you say no, the application ends and the queue date is lost.")


@routes.page("/my/applications/<application_id>/decline", access=FAMILY)
def decline_page(context: Context, application_id: str) -> Response:
    """Asks once more, and says what a no means."""
    application = my_application(context, application_id)
    if application.state != "offered":
        return context.redirect(f"/my/applications/{application_id}")
    with context.parts.storage.reading() as connection:
        found = queries.course(connection, application.course.course_id)
    means = _decline_means(application, None if found is None else found[1])
    return context.render("decline.html", application=application, means=context.texts.gettext(means))


@routes.page("/my/applications/<application_id>/withdraw", access=FAMILY)
def withdraw_page(context: Context, application_id: str) -> Response:
    application = my_application(context, application_id)
    if not application.is_active:
        raise Refused(commands.NOTHING_TO_WITHDRAW)
    with context.parts.storage.reading() as connection:
        refusal, cost = queries.withdrawal(connection, application_id, person_id(context), today_of(context))
    return context.render(
        "withdraw.html",
        application=application,
        cost=cost,
        refusal=context.refusal_text(refusal) if refusal else "",
    )


_ACTIONS = {"withdraw": answering.withdraw, "accept": answering.accept, "decline": answering.decline}


@routes.page(
    "/my/applications/<application_id>/<any(withdraw,accept,decline):action>",
    access=FAMILY,
    methods=("POST",),
)
def act_on_application(context: Context, application_id: str, action: str) -> Response:
    application = my_application(context, application_id)
    with context.parts.storage.unit() as unit:
        came_to = _ACTIONS[action](
            unit, application.application_id, person_id(context), context.signed_in.audit_name
        )
    return context.redirect("/my", context.texts.gettext(words.CAME_TO[came_to]))


class PupilForm(Schema):
    pupil_id = IdField(required=True)
    personal_identity = fields.String(required=True, validate=validate.Length(1, 20))
    given_name = Text(required=True, validate=validate.Length(1, 100))
    family_name = Text(required=True, validate=validate.Length(1, 100))


@routes.page("/my/children/new", access=GUARDIAN)
def new_child_page(context: Context) -> Response:
    return _new_child(context, {"pupil_id": new_id()}, NOTHING_WRONG)


def _new_child(context: Context, form: Mapping[str, str], wrong: Wrong) -> Response:
    return context.render(
        "new_child.html", http_status=wrong.status, form=form, wrong=wrong, person=person_id(context)
    )


@routes.page("/my/children/new", access=GUARDIAN, methods=("POST",))
def new_child(context: Context) -> Response:
    """A child of the guardian, registered where the guardian lives. A refusal keeps what was filled in."""
    try:
        form = context.load_form(PupilForm())
        with context.parts.storage.unit() as unit:
            commands.register_pupil(unit, _new_pupil(context, form), context.signed_in.audit_name)
    except (Refused, ValidationError) as error:
        wrong = what_is_wrong(context, error, about="personal_identity")
        return _new_child(context, context.request.form, wrong)
    return context.redirect("/my", context.texts.gettext(N_("The child is added to your page.")))


def _new_pupil(context: Context, form: dict[str, Any]) -> NewPupil:
    return NewPupil(
        pupil_id=form["pupil_id"],
        personal_identity=form["personal_identity"],
        given_name=form["given_name"],
        family_name=form["family_name"],
        home_municipality=context.signed_in.municipality,
        guardian_id=person_id(context),
    )
