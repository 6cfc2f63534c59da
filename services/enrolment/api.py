"""JSON API of enrolment: everything the pages do."""

from __future__ import annotations

from dataclasses import fields as dataclass_fields
from typing import Any

from marshmallow import Schema, fields, validate

from services.chassis.clock import local_date
from services.chassis.refusals import Refused
from services.chassis.web.access import NotFound
from services.chassis.web.context import Context
from services.chassis.web.inputs import IdField
from services.chassis.web.routes import Routes
from services.enrolment import answering, commands, queries, words
from services.enrolment.applying_pages import decide
from services.enrolment.commands import NewPupil
from services.enrolment.domain.admission import APPLICATION_UNKNOWN, COURSE_UNKNOWN
from services.enrolment.domain.requests import ApplicationRequest, Chosen, Outcome
from services.enrolment.forms import MOST_VOUCHER_ORE, KeyField, Text
from services.enrolment.next_actions import next_actions, of_school
from services.enrolment.pages import FAMILY, GUARDIAN, person_id, today_of
from services.enrolment.staff_pages import STAFF, STAFF_OF_HOST
from services.enrolment.verdicts import Verdict, verdicts_of

routes = Routes()


class LocalTextAnswer(Schema):
    sv = fields.String(required=True)
    en = fields.String(required=True)


class PriceLineAnswer(Schema):
    """`rule` names the sentence of the rule book behind the line; a discount is negative."""

    rule = fields.String(required=True)
    text = fields.Nested(LocalTextAnswer, required=True)
    amount_ore = fields.Integer(required=True)


class PriceAnswer(Schema):
    """`options` are no part of the total: what one may choose beside, an instrument to rent for instance."""

    total_ore = fields.Integer(required=True)
    lines = fields.List(fields.Nested(PriceLineAnswer), required=True)
    options = fields.List(fields.Nested(PriceLineAnswer), required=True)
    notes = fields.List(fields.Nested(LocalTextAnswer), required=True)


class ChosenBody(Schema):
    """`rents` is the key of an instrument to rent; `voucher_ore` is paid with a Fritidskort."""

    rents = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 64))
    voucher_ore = fields.Integer(load_default=0, strict=True, validate=validate.Range(0, MOST_VOUCHER_ORE))


def chosen_in(body: dict[str, Any]) -> Chosen:
    return Chosen(body["rents"], body["voucher_ore"])


class ApplicationBody(ChosenBody):
    """`choice` is where it goes among the pupil's ranked choices at the school, from 1; null is last."""

    application_id = IdField(required=True)
    course_id = KeyField(required=True, validate=validate.Length(1, 64))
    pupil_id = KeyField(required=True, validate=validate.Length(1, 64))
    choice = fields.Integer(load_default=None, allow_none=True, strict=True, validate=validate.Range(1, 100))


class OutcomeAnswer(Schema):
    application_id = fields.String(required=True)
    course_id = fields.String(required=True)
    pupil_id = fields.String(required=True)
    state = fields.String(required=True)
    rule = fields.String(required=True)
    basis = fields.String(required=True)
    position = fields.Integer(required=True, allow_none=True)
    already = fields.Boolean(required=True)
    reason = fields.String(required=True)


@routes.api(
    "POST",
    "/applications",
    access=FAMILY,
    summary="Apply for a course: a place or a queue position, immediate and final",
    body=ApplicationBody,
    answer=OutcomeAnswer,
)
def apply_by_api(context: Context) -> dict[str, Any]:
    body = dict(context.body)
    chosen = Chosen(body.pop("rents"), body.pop("voucher_ore"))
    request = ApplicationRequest(
        **body, chosen=chosen, guardian_id=person_id(context), by=context.signed_in.audit_name
    )
    return outcome_of(context, decide(context, request))


def outcome_of(context: Context, outcome: Outcome) -> dict[str, Any]:
    reason = context.texts.gettext(words.RULES.get(outcome.rule, outcome.rule))
    return {**{name: getattr(outcome, name) for name in _OUTCOME}, "reason": reason}


_OUTCOME = tuple(field.name for field in dataclass_fields(Outcome))


class CourseSummary(Schema):
    course_id = fields.String(required=True)
    title = fields.Nested(LocalTextAnswer, required=True)
    school_name = fields.String(required=True)
    municipality_code = fields.String(required=True)
    weekday = fields.Integer(required=True)
    starts_at = fields.String(required=True)
    capacity = fields.Integer(required=True)
    taken = fields.Integer(required=True)
    waiting = fields.Integer(required=True)


class MunicipalitySummary(Schema):
    code = fields.String(required=True)
    name = fields.String(required=True)


class PupilAnswer(Schema):
    pupil_id = fields.String(required=True)
    name = fields.String(required=True)
    protected = fields.Boolean(required=True)
    home = fields.Function(
        lambda pupil: None if pupil.protected else MunicipalitySummary().dump(pupil.home),
        metadata={"type": ["object", "null"]},
    )


class ApplicationAnswer(Schema):
    application_id = fields.String(required=True)
    state = fields.String(required=True)
    outcome = fields.String(required=True, allow_none=True)
    rule = fields.String(required=True)
    # Which of the two it is says where the pupil lives, so of a protected one it is not said.
    basis = fields.Function(
        lambda application: None if application.pupil.protected else application.basis,
        metadata={"type": ["string", "null"]},
    )
    queued_at = fields.AwareDateTime(required=True)
    decided_at = fields.AwareDateTime(required=True)
    position = fields.Integer(required=True, allow_none=True)
    # How many stand before it, by the rule book's criterion that puts them there.
    ahead = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    answer_by = fields.Date(required=True, allow_none=True)
    declines = fields.Integer(required=True)
    # Of a queue position carried over to this term: the last day to confirm it.
    renew_by = fields.Date(required=True, allow_none=True)
    # Which of the pupil's ranked choices at the school it is; null where the rule book has nobody rank.
    choice = fields.Integer(required=True, allow_none=True)
    party_id = fields.String(required=True, allow_none=True)
    rents = fields.String(required=True, allow_none=True)
    voucher_ore = fields.Integer(required=True)
    # Two guardians answered the offer differently: the seat is held until the school has settled it.
    is_disputed = fields.Boolean(required=True)
    price = fields.Nested(PriceAnswer, required=True, allow_none=True)
    pupil = fields.Nested(PupilAnswer, required=True)
    course = fields.Nested(CourseSummary, required=True)


class ApplicationsAnswer(Schema):
    applications = fields.List(fields.Nested(ApplicationAnswer), required=True)


@routes.api(
    "GET", "/applications", access=FAMILY, summary="My family's applications", answer=ApplicationsAnswer
)
def my_applications(context: Context) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        return {
            "applications": queries.applications_of_person(connection, person_id(context), today_of(context))
        }


@routes.api(
    "GET",
    "/applications/<application_id>",
    access=FAMILY,
    summary="One of my family's applications",
    answer=ApplicationAnswer,
)
def my_application(context: Context, application_id: str) -> queries.Application:
    with context.parts.storage.reading() as connection:
        found = queries.application_of_person(
            connection, application_id, person_id(context), today_of(context)
        )
    if found is None:
        raise Refused(APPLICATION_UNKNOWN)
    return found


def _act(context: Context, application_id: str, command: Any, **more: Any) -> queries.Application:
    my_application(context, application_id)
    with context.parts.storage.unit() as unit:
        command(unit, application_id, person_id(context), context.signed_in.audit_name)
    application: queries.Application = my_application(context, application_id)
    return application


@routes.api(
    "POST",
    "/applications/<application_id>/withdraw",
    access=FAMILY,
    summary="Give up a place, an offer or a place in the queue",
    answer=ApplicationAnswer,
)
def withdraw_by_api(context: Context, application_id: str) -> queries.Application:
    return _act(context, application_id, answering.withdraw)


@routes.api(
    "POST",
    "/applications/<application_id>/accept",
    access=FAMILY,
    summary="Accept an offered place",
    answer=ApplicationAnswer,
)
def accept_by_api(context: Context, application_id: str) -> queries.Application:
    return _act(context, application_id, answering.accept)


@routes.api(
    "POST",
    "/applications/<application_id>/decline",
    access=FAMILY,
    summary="Decline an offered place",
    answer=ApplicationAnswer,
)
def decline_by_api(context: Context, application_id: str) -> queries.Application:
    return _act(context, application_id, answering.decline)


class PupilsAnswer(Schema):
    pupils = fields.List(fields.Nested(PupilAnswer), required=True)


@routes.api("GET", "/pupils", access=FAMILY, summary="The children I apply for", answer=PupilsAnswer)
def my_pupils(context: Context) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        return {"pupils": queries.pupils_of(connection, person_id(context), today_of(context))}


class PupilBody(Schema):
    pupil_id = IdField(required=True)
    personal_identity = fields.String(required=True, validate=validate.Length(1, 20))
    given_name = Text(required=True, validate=validate.Length(1, 100))
    family_name = Text(required=True, validate=validate.Length(1, 100))


@routes.api("POST", "/pupils", access=GUARDIAN, summary="Add a child of mine", body=PupilBody, status=201)
def add_pupil(context: Context) -> dict[str, Any]:
    pupil = NewPupil(
        **context.body,
        home_municipality=context.signed_in.municipality,
        guardian_id=person_id(context),
    )
    with context.parts.storage.unit() as unit:
        commands.register_pupil(unit, pupil, context.signed_in.audit_name)
    return {"pupil_id": pupil.pupil_id}


class VerdictAnswer(Schema):
    pupil_id = fields.String(required=True)
    age = fields.Integer(required=True)
    may_apply = fields.Boolean(required=True)
    refusal = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True)
    rule = fields.String(required=True, allow_none=True)
    # The full price for this pupil, and the lines it is the sum of.
    fee_ore = fields.Integer(required=True, allow_none=True)
    price = fields.Nested(PriceAnswer, required=True, allow_none=True)
    application_id = fields.String(required=True, allow_none=True)
    # The rule by which the pupil would wait today; null where it would have a seat at once.
    waits_by = fields.String(required=True, allow_none=True)


class VerdictsAnswer(Schema):
    verdicts = fields.List(fields.Nested(VerdictAnswer), required=True)


@routes.api(
    "GET",
    "/courses/<course_id>/verdicts",
    access=FAMILY,
    summary="May my children take this course, under which rule, at what price?",
    answer=VerdictsAnswer,
)
def my_verdicts(context: Context, course_id: str) -> dict[str, Any]:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        found = queries.course(connection, course_id)
        if found is None:
            raise Refused(COURSE_UNKNOWN)
        verdicts = verdicts_of(connection, person_id(context), found[1], today)
    return {"verdicts": [_verdict(context, verdict) for verdict in verdicts]}


def _verdict(context: Context, verdict: Verdict) -> dict[str, Any]:
    refusal, basis = verdict.refusal_now, verdict.basis
    reason = context.refusal_text(refusal) if refusal else ""
    if refusal is None and basis is not None:
        reason = context.texts.gettext(basis.reason) % basis.facts
    return {
        "pupil_id": verdict.pupil.pupil_id,
        "age": verdict.age,
        "may_apply": refusal is None,
        "refusal": refusal.name if refusal else None,
        "reason": reason,
        "rule": refusal.rule if refusal else basis.rule if basis else None,
        "fee_ore": verdict.fee_ore,
        "price": verdict.price,
        "application_id": verdict.application_id,
        "waits_by": verdict.waits_by,
    }


@routes.api(
    "GET",
    "/courses/<course_id>/participants",
    access=STAFF_OF_HOST,
    summary="Who has, is offered or waits for a place",
    answer=ApplicationsAnswer,
)
def course_participants(context: Context, course_id: str) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        if queries.course(connection, course_id) is None:
            raise NotFound
        return {"applications": queries.participants(connection, course_id, today_of(context))}


@routes.api(
    "GET",
    "/pupils-elsewhere",
    access=STAFF,
    summary="My municipality's pupils on courses in other municipalities",
    answer=ApplicationsAnswer,
)
def own_pupils_elsewhere(context: Context) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        return {
            "applications": queries.pupils_elsewhere(
                connection, context.signed_in.municipality, today_of(context)
            )
        }


class NextActionAnswer(Schema):
    """The one thing to do next, `offer` for instance, or `nothing`; `path` is the page it is done on."""

    name = fields.String(required=True)
    count = fields.Integer(required=True)
    path = fields.String(required=True)


class SchoolCourse(CourseSummary):
    next_action = fields.Nested(NextActionAnswer, required=True)


class SchoolCoursesAnswer(Schema):
    courses = fields.List(fields.Nested(SchoolCourse), required=True)


@routes.api(
    "GET",
    "/courses",
    access=STAFF,
    summary="My municipality's courses with seats, queues and what to do next",
    answer=SchoolCoursesAnswer,
)
def school_courses(context: Context) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        courses = queries.courses_of_school(connection, context.signed_in.municipality)
        actions = next_actions(connection, today_of(context), of_school(context.signed_in.municipality))
    summary = CourseSummary()
    return {
        "courses": [{**summary.dump(course), "next_action": actions[course.course_id]} for course in courses]
    }
