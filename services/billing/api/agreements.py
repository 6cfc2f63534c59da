"""The API of the agreement: a whole new version, seen with what it changes before it is recorded."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from services.billing.access import SET_BASIS, acting
from services.billing.api.book_schemas import VersionAnswer
from services.billing.commands import agreements as commands
from services.billing.domain.agreements import (
    REMINDER_DAYS,
    DayOfYear,
    Membership,
    PopulationRule,
    Price,
    Terms,
)
from services.billing.domain.basis import Agreement
from services.billing.queries import basis as queries
from services.billing.queries.agreeing import effects
from services.chassis.refusals import Refused
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes
from services.contracts.fact import LocalText

routes = Routes()


def _text(longest: int) -> fields.String:
    return fields.String(required=True, validate=validate.Length(max=longest))


class DayBody(Schema):
    month = fields.Integer(required=True, strict=True, validate=validate.Range(1, 12))
    day = fields.Integer(required=True, strict=True, validate=validate.Range(1, 31))


class PopulationRuleBody(DayBody):
    kind = _text(20)
    years_before = fields.Integer(required=True, strict=True)


class MembershipBody(Schema):
    code = _text(4)
    joined_on = fields.Date(required=True)
    left_on = fields.Date(load_default=None)


class PriceBody(Schema):
    kind = _text(40)
    price_ore = fields.Integer(required=True, strict=True, validate=validate.Range(0, 10**12))


class TermsBody(Schema):
    population = fields.Nested(PopulationRuleBody, required=True)
    due_days = fields.List(fields.Nested(DayBody), required=True, validate=validate.Length(max=12))
    rounding = _text(20)
    change = _text(20)
    payment_days = fields.Integer(required=True, strict=True)
    netting = fields.Boolean(required=True)
    prices = fields.List(fields.Nested(PriceBody), load_default=list, validate=validate.Length(max=100))
    members = fields.List(
        fields.Nested(MembershipBody),
        load_default=None,
        validate=validate.Length(max=1000),
        metadata={"description": "without them: those whom the register of municipalities names"},
    )
    reminder_days = fields.List(fields.Integer(strict=True), load_default=lambda: list(REMINDER_DAYS))


class AgreementBody(Schema):
    version = fields.Integer(required=True, strict=True, validate=validate.Range(1, 10_000))
    valid_from = fields.Date(required=True)
    valid_to = fields.Date(load_default=None)
    region_percent = fields.Integer(required=True, strict=True)
    text_sv = _text(2000)
    text_en = _text(2000)
    source = _text(300)
    terms = fields.Nested(TermsBody, required=True)


class PayerEffectAnswer(Schema):
    code = fields.String(required=True)
    before_ore = fields.Integer(required=True)
    after_ore = fields.Integer(required=True)
    delta_ore = fields.Integer(required=True)


class YearEffectAnswer(Schema):
    year = fields.Integer(required=True)
    has_invoices = fields.Boolean(required=True)
    population_date = fields.Date(required=True)
    payers = fields.List(fields.Nested(PayerEffectAnswer), required=True)
    why_not = fields.Function(lambda effect: effect.why_not.name if effect.why_not else None)


class EffectsAnswer(Schema):
    years = fields.List(fields.Nested(YearEffectAnswer), required=True)


@routes.api(
    "POST",
    "/agreements/preview",
    access=SET_BASIS,
    summary="What a version of the agreement would change in the opened years it decides",
    body=AgreementBody,
    answer=EffectsAnswer,
)
def preview_agreement(context: Context) -> dict[str, Any]:
    agreement = _agreement(context)
    refusal = commands.refusal_for_agreement(agreement)
    if refusal is not None:
        raise Refused(refusal)
    with context.parts.storage.reading() as connection:
        return {"years": effects(connection, agreement)}


@routes.api(
    "POST",
    "/agreements",
    access=SET_BASIS,
    summary="Record the version after the newest; the same again is recorded once",
    body=AgreementBody,
    answer=VersionAnswer,
)
def post_agreement(context: Context) -> dict[str, Any]:
    agreement = _agreement(context)
    with context.parts.storage.unit() as unit:
        commands.record_version(unit, agreement, acting(context))
    return {"version": agreement.version}


def _agreement(context: Context) -> Agreement:
    body = context.body
    county: str = context.parts.settings.county_code
    with context.parts.storage.reading() as connection:
        names = queries.municipality_names(connection)
    texts = LocalText(body["text_sv"].strip(), body["text_en"].strip())
    return Agreement(
        body["version"],
        body["valid_from"],
        body["valid_to"],
        county,
        names.get(county, county),
        body["region_percent"],
        texts,
        body["source"].strip(),
        _terms(body["terms"], names),
    )


def _terms(body: dict[str, Any], names: dict[str, str]) -> Terms:
    rule, members = body["population"], body["members"]
    spans = None
    if members is not None:
        found = [
            Membership(m["code"], names.get(m["code"], m["code"]), m["joined_on"], m["left_on"])
            for m in members
        ]
        spans = tuple(sorted(found, key=lambda span: (span.code, span.joined_on)))
    return Terms(
        PopulationRule(rule["kind"], DayOfYear(rule["month"], rule["day"]), rule["years_before"]),
        tuple(DayOfYear(**day) for day in body["due_days"]),
        body["rounding"],
        body["change"],
        body["payment_days"],
        body["netting"],
        tuple(Price(**price) for price in body["prices"]),
        spans,
        tuple(body["reminder_days"]),
    )
