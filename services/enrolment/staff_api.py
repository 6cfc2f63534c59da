"""JSON API of staff: a pupil's life, what came on paper, what a family asked for; the pages' commands."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from services.chassis.refusals import Refused
from services.chassis.web.access import NotFound
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes
from services.enrolment import pupil_queries, queries
from services.enrolment.answering import settle
from services.enrolment.api import (
    ApplicationAnswer,
    ChosenBody,
    OutcomeAnswer,
    PupilAnswer,
    chosen_in,
    outcome_of,
)
from services.enrolment.choices import change_chosen
from services.enrolment.decision_pages import STAFF_OF_APPLICATION, ForFamilyForm, SettleForm
from services.enrolment.domain.admission import APPLICATION_UNKNOWN
from services.enrolment.entering_pages import EnteredFields, enter_application
from services.enrolment.for_family import act_for_family
from services.enrolment.forms import Text
from services.enrolment.pages import today_of
from services.enrolment.pupil_pages import (
    STAFF_OF_HOME,
    ContactForm,
    GuardianForm,
    HouseholdForm,
    IdentityForm,
    MoveForm,
    ProtectionForm,
    RecordForm,
    make_change,
)
from services.enrolment.staff_pages import STAFF_OF_HOST

routes = Routes()


class PupilEventAnswer(Schema):
    """Who did what, when and why; `what` is `moved`, `merged`, `guardian_connected` and so on."""

    at = fields.AwareDateTime(required=True)
    by = fields.String(required=True)
    what = fields.String(required=True)
    why = fields.String(required=True)


class PupilRecordAnswer(Schema):
    """What the rule books ask about; of a protected pupil neither home nor number."""

    pupil = fields.Nested(PupilAnswer, required=True)
    moved_on = fields.Date(required=True, allow_none=True)
    school_municipality = fields.String(required=True, allow_none=True)
    leaves_upper_secondary = fields.Integer(required=True, allow_none=True)
    later_limit = fields.Boolean(required=True)
    is_teacher = fields.Boolean(required=True)
    has_relief = fields.Boolean(required=True)
    played_before = fields.Boolean(required=True)
    applications = fields.List(fields.Nested(ApplicationAnswer), required=True)
    events = fields.List(fields.Nested(PupilEventAnswer), required=True)


_RECORDED = (
    *("moved_on", "school_municipality", "leaves_upper_secondary", "later_limit", "is_teacher"),
    *("has_relief", "played_before"),
)


@routes.api(
    "GET",
    "/pupils/<pupil_id>",
    access=STAFF_OF_HOME,
    summary="A pupil of my municipality: what is recorded and what has happened",
    answer=PupilRecordAnswer,
)
def pupil_by_api(context: Context, pupil_id: str) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        found = pupil_queries.pupil_record(connection, pupil_id)
        if found is None:
            raise NotFound
        applications = pupil_queries.applications_of_pupil(connection, pupil_id, today_of(context))
        events = pupil_queries.pupil_events_of(connection, pupil_id)
    pupil, row = found
    recorded = {name: getattr(row, name) for name in _RECORDED}
    return {"pupil": pupil, **recorded, "applications": applications, "events": events}


def _change(context: Context, pupil_id: str, name: str) -> dict[str, str]:
    make_change(context, pupil_id, name, context.body)
    return {"pupil_id": pupil_id}


class ChangedAnswer(Schema):
    pupil_id = fields.String(required=True)


@routes.api(
    "POST",
    "/pupils/<pupil_id>/move",
    access=STAFF_OF_HOME,
    summary="The pupil lives in another municipality; place and queue dates are kept",
    body=MoveForm,
    answer=ChangedAnswer,
)
def move_by_api(context: Context, pupil_id: str) -> dict[str, str]:
    return _change(context, pupil_id, "move")


@routes.api(
    "POST",
    "/pupils/<pupil_id>/identity",
    access=STAFF_OF_HOME,
    summary="A new or corrected number; a pupil who has it already becomes one with this one",
    body=IdentityForm,
    answer=ChangedAnswer,
)
def correct_identity_by_api(context: Context, pupil_id: str) -> dict[str, str]:
    return _change(context, pupil_id, "identity")


@routes.api(
    "POST",
    "/pupils/<pupil_id>/guardian",
    access=STAFF_OF_HOME,
    summary="One more guardian of the child, in whatever municipality",
    body=GuardianForm,
    answer=ChangedAnswer,
)
def connect_guardian_by_api(context: Context, pupil_id: str) -> dict[str, str]:
    return _change(context, pupil_id, "guardian")


@routes.api(
    "POST",
    "/pupils/<pupil_id>/contact",
    access=STAFF_OF_HOME,
    summary="The address of a pupil who is 18 or older: letters go there",
    body=ContactForm,
    answer=ChangedAnswer,
)
def record_contact_by_api(context: Context, pupil_id: str) -> dict[str, str]:
    return _change(context, pupil_id, "contact")


@routes.api(
    "POST",
    "/pupils/<pupil_id>/protection",
    access=STAFF_OF_HOME,
    summary="The identity is protected under an alias, or no longer; every guardian's access ends",
    body=ProtectionForm,
    answer=ChangedAnswer,
)
def protect_by_api(context: Context, pupil_id: str) -> dict[str, str]:
    return _change(context, pupil_id, "protection")


@routes.api(
    "POST",
    "/pupils/<pupil_id>/household",
    access=STAFF_OF_HOME,
    summary="With which pupil it lives, for schools that count siblings by address; empty is with none",
    body=HouseholdForm,
    answer=ChangedAnswer,
)
def share_household_by_api(context: Context, pupil_id: str) -> dict[str, str]:
    return _change(context, pupil_id, "household")


@routes.api(
    "POST",
    "/pupils/<pupil_id>/record",
    access=STAFF_OF_HOME,
    summary="What the rule books ask about: school, age limits, relief, earlier lessons",
    body=RecordForm,
    answer=ChangedAnswer,
)
def record_pupil_by_api(context: Context, pupil_id: str) -> dict[str, str]:
    return _change(context, pupil_id, "record")


@routes.api(
    "POST",
    "/applications/<application_id>/for-family",
    access=STAFF_OF_APPLICATION,
    summary="Answer an offer, or end an application or place, as the family asked by phone or on paper",
    body=ForFamilyForm,
    answer=ApplicationAnswer,
)
def act_for_family_by_api(context: Context, application_id: str) -> queries.Application:
    with context.parts.storage.unit() as unit:
        act_for_family(
            unit,
            application_id,
            context.body["action"],
            context.signed_in.audit_name,
            why=context.body["why"],
        )
    return _application(context, application_id)


class ChosenForFamilyBody(ChosenBody):
    """`why` says who of the family asked, and how."""

    why = Text(required=True, validate=validate.Length(1, 500))


@routes.api(
    "POST",
    "/applications/<application_id>/choose-for-family",
    access=STAFF_OF_APPLICATION,
    summary="Rent an instrument or not, pay a part with a Fritidskort or not, as the family asked",
    body=ChosenForFamilyBody,
    answer=ApplicationAnswer,
)
def choose_for_family_by_api(context: Context, application_id: str) -> queries.Application:
    chosen = chosen_in(context.body)
    with context.parts.storage.unit() as unit:
        change_chosen(unit, application_id, chosen, context.signed_in.audit_name, context.body["why"])
    return _application(context, application_id)


@routes.api(
    "POST",
    "/applications/<application_id>/settle",
    access=STAFF_OF_APPLICATION,
    summary="Settle an offer that two guardians of the child answered differently",
    body=SettleForm,
    answer=ApplicationAnswer,
)
def settle_by_api(context: Context, application_id: str) -> queries.Application:
    answer, why = context.body["answer"], context.body["why"]
    with context.parts.storage.unit() as unit:
        settle(unit, application_id, answer, context.signed_in.audit_name, why=why)
    return _application(context, application_id)


class EnteredBody(EnteredFields, ChosenBody):
    """Of a protected pupil `alias` is how it is called instead of its name."""


@routes.api(
    "POST",
    "/courses/<course_id>/entered-applications",
    access=STAFF_OF_HOST,
    summary="Enter a paper or phone application, also for a pupil with protected identity",
    body=EnteredBody,
    answer=OutcomeAnswer,
)
def enter_by_api(context: Context, course_id: str) -> dict[str, Any]:
    chosen = chosen_in(context.body)
    return outcome_of(context, enter_application(context, course_id, context.body, chosen))


def _application(context: Context, application_id: str) -> queries.Application:
    with context.parts.storage.reading() as connection:
        found = queries.application(connection, application_id, today_of(context))
    if found is None:
        raise Refused(APPLICATION_UNKNOWN)
    return found
