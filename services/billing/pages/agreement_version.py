"""A whole new version of the agreement: written, seen with what it changes, and only then recorded."""

from __future__ import annotations

from dataclasses import replace

from marshmallow import ValidationError
from werkzeug.wrappers import Response

from services.billing.access import SET_BASIS, acting
from services.billing.commands import agreements as commands
from services.billing.domain.basis import Agreement
from services.billing.pages import agreement_form
from services.billing.pages.common import about_field, region_name
from services.billing.presenting import swedish_order
from services.billing.presenting_agreement import CHANGES, POPULATIONS, ROUNDING, differences
from services.billing.queries import basis as queries
from services.billing.queries.agreeing import YearEffect, effects
from services.chassis.clock import local_date
from services.chassis.refusals import N_, Refused
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes
from services.chassis.web.wrong import sentences

routes = Routes()

PATH = "/finance/agreement/new"
_FIELD_OF = {
    "agreement_ends_before_it_begins": "valid_to",
    "region_percent_impossible": "region_percent",
    "agreement_without_words": "text_sv",
    "day_not_every_year": "due_days",
    "instalments_impossible": "due_days",
    "due_dates_out_of_order": "due_days",
    "term_out_of_range": "years_before",
    "reminder_days_impossible": "reminder_days",
}


@routes.page(PATH, access=SET_BASIS)
def new_version(context: Context) -> Response:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        newest = next(iter(queries.every_agreement(connection)), None)
        members = newest.terms.members if newest and newest.terms else None
        spans = queries.registered_members(connection) if members is None else members
    return _form(context, agreement_form.filled_in(newest, spans, today), [], 200)


def _form(context: Context, given: dict[str, str], errors: list[tuple[str, str]], status: int) -> Response:
    with context.parts.storage.reading() as connection:
        names = queries.municipality_names(connection)
    return context.render(
        "finance_agreement_new.html",
        http_status=status,
        given={**dict.fromkeys(agreement_form.AgreementForm().fields, ""), **given},
        rows=agreement_form.member_rows(given),
        municipalities=sorted(
            ((code, name) for code, name in names.items() if len(code) == 4),
            key=lambda item: swedish_order(item[1]),
        ),
        region=region_name(context, names),
        populations=POPULATIONS,
        rounding=ROUNDING,
        changes=CHANGES,
        errors=errors,
        error_of=dict(errors),
    )


@routes.page(PATH, access=SET_BASIS, methods=("POST",))
def preview_or_record(context: Context) -> Response:
    """`step` edit shows the form again, preview what it changes, record keeps it."""
    given = {name: text for name, text in context.request.form.items() if name not in ("csrf_token", "step")}
    step = context.request.form.get("step", "preview")
    if step == "edit":
        return _form(context, given, [], 200)
    try:
        agreement = _read(context, given)
        refusal = commands.refusal_for_agreement(agreement)
        if refusal is not None:
            raise Refused(refusal)
        if step == "record":
            with context.parts.storage.unit() as unit:
                commands.record_version(unit, agreement, acting(context))
            said = N_("A new version of the agreement is recorded. Compute the years it touches again.")
            return context.redirect("/finance/agreement", context.texts.gettext(said))
    except ValidationError as error:
        return _form(context, given, sentences(context, error), 422)
    except Refused as error:
        field = about_field(context, error.refusal, _FIELD_OF.get(error.refusal.name, "member_0"))
        return _form(context, given, [field], error.refusal.status)
    return _preview(context, given, agreement)


def _read(context: Context, given: dict[str, str]) -> Agreement:
    with context.parts.storage.reading() as connection:
        versions = queries.every_agreement(connection)
        names = queries.municipality_names(connection)
    before = _before(versions, given)
    county: str = context.parts.settings.county_code
    return agreement_form.read(given, before, (county, region_name(context, names)), names)


def _before(versions: list[Agreement], given: dict[str, str]) -> Agreement | None:
    """The version that the form was filled in from: sent again, it is not its own predecessor."""
    return next((each for each in versions if str(each.version) != given.get("version")), None)


def _by_name(effect: YearEffect) -> YearEffect:
    """Municipalities by name, the region after them as in the table of shares."""
    payers = sorted(effect.payers, key=lambda each: (len(each.code) == 2, swedish_order(each.name)))
    return replace(effect, payers=tuple(payers))


def _preview(context: Context, given: dict[str, str], agreement: Agreement) -> Response:
    with context.parts.storage.reading() as connection:
        newest = _before(queries.every_agreement(connection), given)
        years = [_by_name(each) for each in effects(connection, agreement)]
    return context.render(
        "finance_agreement_preview.html",
        given=given,
        agreement=agreement,
        newest=newest,
        differences=differences(newest, agreement, context.texts.gettext, context.language),
        years=years,
        refusal_text=context.refusal_text,
        own=context.signed_in.municipality,
    )
