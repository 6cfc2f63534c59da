"""JSON API of the admission round: everything its pages do."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from marshmallow import Schema, fields, validate

from services.chassis.refusals import Refused
from services.chassis.web.access import SIGNED_IN, NotFound
from services.chassis.web.context import Context
from services.chassis.web.inputs import IdField
from services.chassis.web.routes import Routes
from services.enrolment.api import LocalTextAnswer, OutcomeAnswer, PupilAnswer, outcome_of
from services.enrolment.pages import FAMILY, person_id, today_of
from services.enrolment.queries import pupils_of
from services.enrolment.round_pages import MOST_WISHES
from services.enrolment.round_staff_pages import STAFF_OF_ROUND, ForChildForm, kept_seats
from services.enrolment.rounds import commands, outcomes, queries
from services.enrolment.rounds.acting import ForChild, apply_for_child
from services.enrolment.rounds.commands import FINAL, REHEARSAL, NewRound, Ranking
from services.enrolment.staff_pages import STAFF

routes = Routes()


class RoundAnswer(Schema):
    round_id = fields.String(required=True)
    scope = fields.String(required=True)
    term = fields.Nested(LocalTextAnswer, required=True)
    most_wishes = fields.Integer(required=True)
    reserved = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    state = fields.String(required=True)
    seed = fields.String(required=True, allow_none=True)
    seed_digest = fields.String(required=True)
    opened_at = fields.AwareDateTime(required=True)
    ranked = fields.Integer(required=True)


class RoundsAnswer(Schema):
    rounds = fields.List(fields.Nested(RoundAnswer), required=True)


@routes.api(
    "GET", "/rounds", access=SIGNED_IN, summary="Admission rounds, the newest first", answer=RoundsAnswer
)
def all_rounds(context: Context) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        return {"rounds": queries.rounds_where(connection)}


class NewRoundBody(Schema):
    round_id = IdField(required=True)
    term_id = fields.String(required=True, validate=validate.Length(1, 64))
    most_wishes = fields.Integer(required=True, strict=True, validate=validate.Range(1, MOST_WISHES))
    reserved = fields.Dict(
        keys=fields.String(validate=validate.Regexp(r"[0-9]{4}\Z")),
        values=fields.Integer(strict=True, validate=validate.Range(0, 999)),
        load_default=dict,
    )


@routes.api(
    "POST",
    "/rounds",
    access=STAFF,
    summary="Open an admission round for my municipality's courses",
    body=NewRoundBody,
    answer=RoundAnswer,
    status=201,
)
def open_round_by_api(context: Context) -> queries.Round:
    new = NewRound(**context.body, scope=context.signed_in.municipality, seed=secrets.token_hex(16))
    with context.parts.storage.unit() as unit:
        commands.open_round(unit, new, context.signed_in.audit_name)
    return _round(context, new.round_id)


def _round(context: Context, round_id: str) -> queries.Round:
    with context.parts.storage.reading() as connection:
        found = queries.round_of(connection, round_id)
    if found is None:
        raise Refused(commands.ROUND_UNKNOWN)
    return found


class KeptSeatsAnswer(Schema):
    school_name = fields.String(required=True)
    municipality_code = fields.String(required=True)
    seats = fields.Integer(required=True)
    until = fields.Date(required=True, allow_none=True)


class KeptAnswer(Schema):
    kept = fields.List(fields.Nested(KeptSeatsAnswer), required=True)


@routes.api(
    "GET",
    "/rounds/<round_id>/kept",
    access=STAFF_OF_ROUND,
    summary="Seats that the rule books keep on each course, beside those reserved for the round",
    answer=KeptAnswer,
)
def kept_in_round(context: Context, round_id: str) -> dict[str, Any]:
    found = _round(context, round_id)
    with context.parts.storage.reading() as connection:
        return {"kept": kept_seats(connection, found, today_of(context))}


class RankingBody(Schema):
    pupil_ids = fields.List(
        fields.String(validate=validate.Length(1, 64)), required=True, validate=validate.Length(1, 10)
    )
    course_ids = fields.List(
        fields.String(validate=validate.Length(1, 64)),
        required=True,
        validate=validate.Length(0, MOST_WISHES),
    )


class WishesAnswer(Schema):
    pupil_id = fields.String(required=True)
    party_id = fields.String(required=True)
    course_ids = fields.List(fields.String(), required=True)


class RankingsAnswer(Schema):
    rankings = fields.List(fields.Nested(WishesAnswer), required=True)


@routes.api(
    "POST",
    "/rounds/<round_id>/rankings",
    access=FAMILY,
    summary="Rank courses for a child, or for siblings who come together or not at all",
    body=RankingBody,
    answer=RankingsAnswer,
)
def rank_by_api(context: Context, round_id: str) -> dict[str, Any]:
    ranking = Ranking(
        round_id,
        tuple(dict.fromkeys(context.body["pupil_ids"])),
        tuple(context.body["course_ids"]),
        person_id(context),
        context.signed_in.audit_name,
    )
    with context.parts.storage.unit() as unit:
        commands.rank_courses(unit, ranking)
    return _rankings(context, round_id)


@routes.api(
    "GET",
    "/rounds/<round_id>/rankings",
    access=FAMILY,
    summary="What my children have ranked",
    answer=RankingsAnswer,
)
def my_rankings(context: Context, round_id: str) -> dict[str, Any]:
    return _rankings(context, round_id)


def _rankings(context: Context, round_id: str) -> dict[str, Any]:
    _round(context, round_id)
    with context.parts.storage.reading() as connection:
        mine = [pupil.pupil_id for pupil in pupils_of(connection, person_id(context), today_of(context))]
        wishes = queries.wishes_of(connection, round_id, mine)
    return {
        "rankings": [
            {"pupil_id": pupil, "party_id": party, "course_ids": ranked}
            for pupil, (party, ranked) in wishes.items()
        ]
    }


class WishAnswer(Schema):
    course_id = fields.String(required=True)
    outcome = fields.String(required=True)
    criterion = fields.String(required=True, allow_none=True)


class ExplainedAnswer(Schema):
    pupil_id = fields.String(required=True)
    wishes = fields.List(fields.Nested(WishAnswer), required=True)


class ExplanationsAnswer(Schema):
    explanations = fields.List(fields.Nested(ExplainedAnswer), required=True)


@routes.api(
    "GET",
    "/rounds/<round_id>/explanations",
    access=FAMILY,
    summary="What became of each wish of my children, once the round is published",
    answer=ExplanationsAnswer,
)
def my_explanations(context: Context, round_id: str) -> dict[str, Any]:
    _round(context, round_id)
    explained = []
    with context.parts.storage.reading() as connection:
        for pupil in pupils_of(connection, person_id(context), today_of(context)):
            why = queries.explanation_of(connection, round_id, pupil.pupil_id)
            if why is not None:
                wishes = [_named(_WISH, each) for each in why]
                explained.append({"pupil_id": pupil.pupil_id, "wishes": wishes})
    return {"explanations": explained}


class RunAnswer(Schema):
    run_id = fields.String(required=True)
    kind = fields.String(required=True)
    run_at = fields.AwareDateTime(required=True)
    digest = fields.String(required=True)
    placed = fields.Integer(required=True)
    by_wish = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    without = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class RunsAnswer(Schema):
    runs = fields.List(fields.Nested(RunAnswer), required=True)


class RunBody(Schema):
    run_id = IdField(required=True)
    kind = fields.String(required=True, validate=validate.OneOf((REHEARSAL, FINAL)))


@routes.api(
    "GET",
    "/rounds/<round_id>/runs",
    access=STAFF_OF_ROUND,
    summary="Rehearsals and the run that counts, with the children without a place by municipality",
    answer=RunsAnswer,
)
def runs_of_round(context: Context, round_id: str) -> dict[str, Any]:
    return _runs(context, round_id)


def _runs(context: Context, round_id: str) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        return {"runs": outcomes.runs_of(connection, round_id)}


@routes.api(
    "POST",
    "/rounds/<round_id>/runs",
    access=STAFF_OF_ROUND,
    summary="Rehearse the round, or run it and close the ranking",
    body=RunBody,
    answer=RunsAnswer,
)
def run_by_api(context: Context, round_id: str) -> dict[str, Any]:
    with context.parts.storage.unit() as unit:
        commands.run_round(
            unit, round_id, context.body["run_id"], context.body["kind"], context.signed_in.audit_name
        )
    return _runs(context, round_id)


@routes.api(
    "POST",
    "/rounds/<round_id>/publish",
    access=STAFF_OF_ROUND,
    summary="Give the places of a round that has been run, and tell every family",
    answer=RoundAnswer,
)
def publish_by_api(context: Context, round_id: str) -> queries.Round:
    with context.parts.storage.unit() as unit:
        commands.publish_round(unit, round_id, context.signed_in.audit_name)
    return _round(context, round_id)


class WithoutQuery(Schema):
    page = fields.Integer(load_default=1, validate=validate.Range(1, 100_000))


class WaitAnswer(Schema):
    application_id = fields.String(required=True)
    course_id = fields.String(required=True)


class WithoutPlaceAnswer(Schema):
    pupil = fields.Nested(PupilAnswer, required=True)
    wishes = fields.List(fields.Nested(WishAnswer), required=True)
    waits = fields.List(fields.Nested(WaitAnswer), required=True)


class WithoutAnswer(Schema):
    number = fields.Integer(required=True)
    children = fields.List(fields.Nested(WithoutPlaceAnswer), required=True)


@routes.api(
    "GET",
    "/rounds/<round_id>/without-place",
    access=STAFF_OF_ROUND,
    summary="The children without any place, a hundred at a time: by the newest run, or by now if published",
    query=WithoutQuery,
    answer=WithoutAnswer,
)
def without_place_by_api(context: Context, round_id: str) -> dict[str, Any]:
    with context.parts.storage.reading() as connection:
        found = queries.round_of(connection, round_id)
        runs = outcomes.runs_of(connection, round_id)
        if found is None:
            raise NotFound
        number, children = outcomes.page_without(connection, found, runs, context.query["page"])
    return {
        "number": number,
        "children": [
            {
                "pupil": each.pupil,
                "wishes": [_named(_WISH, wish) for wish in each.wishes],
                "waits": [_named(("application_id", "course_id"), wait) for wait in each.waits],
            }
            for each in children
        ],
    }


@routes.api(
    "POST",
    "/rounds/<round_id>/applications",
    access=STAFF_OF_ROUND,
    summary="Apply for a child that the round left without any place, once it is published",
    body=ForChildForm,
    answer=OutcomeAnswer,
)
def apply_for_child_by_api(context: Context, round_id: str) -> dict[str, Any]:
    with context.parts.storage.unit() as unit:
        outcome = apply_for_child(unit, ForChild(round_id, **context.body), context.signed_in.audit_name)
    return outcome_of(context, outcome)


_WISH = ("course_id", "outcome", "criterion")


def _named(names: Sequence[str], values: Sequence[str | None]) -> dict[str, str | None]:
    return dict(zip(names, values, strict=True))
