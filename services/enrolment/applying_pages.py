"""Pages of families: apply for a child or for siblings together, and choose rental, Fritidskort and rank."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.wrappers import Response

from services.chassis.clock import local_date
from services.chassis.ids import derived_id, new_id
from services.chassis.refusals import N_, Refused
from services.chassis.web.access import NotFound
from services.chassis.web.context import Context
from services.chassis.web.inputs import IdField
from services.chassis.web.routes import Routes
from services.chassis.web.wrong import NOTHING_WRONG, Wrong, by_field, what_is_wrong
from services.contracts.rule_words.sentences import chapters
from services.enrolment import choices, queries, words
from services.enrolment.domain.admission import COURSE_UNKNOWN
from services.enrolment.domain.requests import ApplicationRequest, Chosen, Outcome, is_readable
from services.enrolment.forms import KeyField, Kronor
from services.enrolment.pages import FAMILY, my_application, person_id, show_application, today_of
from services.enrolment.rounds.queries import round_to_rank
from services.enrolment.verdicts import verdicts_of

routes = Routes()


@routes.page("/apply/<course_id>", access=FAMILY)
def apply_page(context: Context, course_id: str) -> Response:
    """Each child with the verdict and the price, before anything is sent."""
    return _apply_page(context, course_id, {}, {}, NOTHING_WRONG)


def _apply_page(
    context: Context, course_id: str, chosen: dict[str, Chosen], ids: dict[str, str], wrong: Wrong
) -> Response:
    """`chosen` and `ids` are what has been filled in and the application's id, by pupil."""
    parts = context.parts
    today = local_date(parts.clock.now())
    with parts.storage.reading() as connection:
        found = queries.course(connection, course_id)
        if found is None:
            raise Refused(COURSE_UNKNOWN)
        course, state = found
        verdicts = verdicts_of(connection, person_id(context), state, today, chosen)
        round_id = round_to_rank(connection, state)
        names = queries.municipality_names(connection)
    return context.render(
        "apply.html",
        http_status=wrong.status,
        wrong=wrong,
        given=context.request.form,
        course=course,
        rule_book=state.rule_book,
        chapters=chapters(state.rule_book, names),
        main_admission_on=state.gives_no_seat_before(today),
        verdicts=verdicts,
        round_id=round_id,
        refusal_text=context.refusal_text,
        basis_text=lambda basis: context.texts.gettext(basis.reason) % basis.facts,
        # An id a form: pressing twice sends the same one twice.
        id_of=lambda pupil_id: ids.get(pupil_id) or new_id(),
        new_id=new_id,
        numbered=lambda found: [(each, str(each)) for each in found],
        words=words,
        together=[v for v in verdicts if not v.refusal_now and not v.application_id]
        if state.rule_book.ordering.siblings_together
        else [],
    )


class ChosenForm(Schema):
    rents = fields.String(load_default=None, validate=validate.Length(0, 64))
    voucher = Kronor(load_default=0)


def chosen_in(form: dict[str, Any]) -> Chosen:
    return Chosen(form["rents"] or None, form["voucher"])


class ApplyForm(ChosenForm):
    application_id = IdField(required=True)
    pupil_id = KeyField(required=True, validate=validate.Length(1, 64))
    choice = fields.Integer(load_default=None, validate=validate.Range(1, 100))


@routes.page("/apply/<course_id>/price", access=FAMILY, methods=("POST",))
def price_page(context: Context, course_id: str) -> Response:
    """The same page with the price of what was chosen; posted, so that no address says what that is."""
    try:
        form = context.load_form(ApplyForm())
    except ValidationError as error:
        return _came_back(context, course_id, error)
    pupil_id = form["pupil_id"]
    ids = {pupil_id: form["application_id"]}
    return _apply_page(context, course_id, {pupil_id: chosen_in(form)}, ids, NOTHING_WRONG)


def _came_back(context: Context, course_id: str, error: ValidationError) -> Response:
    """Raises what is wrong where the form itself is damaged, and not what was filled in."""
    form = context.request.form
    if by_field(error).keys() & {"application_id", "pupil_id"}:
        raise error
    ids = {form["pupil_id"]: form["application_id"]}
    return _apply_page(context, course_id, {}, ids, what_is_wrong(context, error))


@routes.page("/apply/<course_id>", access=FAMILY, methods=("POST",))
def apply(context: Context, course_id: str) -> Response:
    if not is_readable(course_id):
        raise Refused(COURSE_UNKNOWN)
    try:
        form = context.load_form(ApplyForm())
    except ValidationError as error:
        return _came_back(context, course_id, error)
    request = ApplicationRequest(
        application_id=form["application_id"],
        course_id=course_id,
        pupil_id=form["pupil_id"],
        guardian_id=person_id(context),
        by=context.signed_in.audit_name,
        chosen=chosen_in(form),
        choice=form["choice"],
    )
    outcome = decide(context, request)
    return context.redirect(f"/my/applications/{outcome.application_id}")


def decide(context: Context, request: ApplicationRequest) -> Outcome:
    """With all who apply at the moment; by itself where it goes before other choices of the pupil."""
    if request.choice is None:
        decided: Outcome = context.parts.decider.decide(request)
        return decided
    with context.parts.storage.unit() as unit:
        return choices.apply_with_choices(unit, [request])[0]


@routes.page("/apply/<course_id>/together", access=FAMILY, methods=("POST",))
def apply_together(context: Context, course_id: str) -> Response:
    """Siblings who get places together or none; the form has an application id for each child."""
    if not is_readable(course_id):
        raise Refused(COURSE_UNKNOWN)
    form = context.request.form
    given = {pupil: form.get(f"application_{pupil}", "") for pupil in form.getlist("pupil_id")}
    apply_as_party(context, course_id, given)
    return context.redirect("/my", context.texts.gettext(N_("The children have applied together.")))


def apply_as_party(context: Context, course_id: str, given: dict[str, str]) -> list[Outcome]:
    """`given` is the application id by pupil. Raises Refused."""
    if len(given) < 2:
        raise Refused(choices.TOO_FEW_TOGETHER)
    ids = [IdField().deserialize(each) for each in given.values()]
    requests = [
        ApplicationRequest(
            application_id=application_id,
            course_id=course_id,
            pupil_id=KeyField(validate=validate.Length(1, 64)).deserialize(pupil_id),
            guardian_id=person_id(context),
            by=context.signed_in.audit_name,
            party_id=derived_id("party", *sorted(ids)),
        )
        for pupil_id, application_id in zip(given, ids, strict=True)
    ]
    with context.parts.storage.unit() as unit:
        return choices.apply_with_choices(unit, requests)


@routes.page("/my/applications/<application_id>/choose", access=FAMILY, methods=("POST",))
def choose(context: Context, application_id: str) -> Response:
    """Another instrument to rent, another amount of a Fritidskort."""
    application = my_application(context, application_id)
    try:
        form = context.load_form(ChosenForm())
        with context.parts.storage.unit() as unit:
            by = context.signed_in.audit_name
            choices.change_chosen(unit, application.application_id, chosen_in(form), by)
    except (Refused, ValidationError) as error:
        return show_application(context, application, what_is_wrong(context, error))
    said = context.texts.gettext(N_("Your choice is saved. The price below is the new one."))
    return context.redirect(f"/my/applications/{application_id}", said)


@routes.page("/my/children/<pupil_id>/choices", access=FAMILY, methods=("POST",))
def rank_choices(context: Context, pupil_id: str) -> Response:
    """The child's choices at one school in a new order: a number for each, the best is 1."""
    form = context.request.form
    with context.parts.storage.reading() as connection:
        mine = queries.applications_of_person(connection, person_id(context), today_of(context))
    theirs = {each.application_id: each for each in mine if each.pupil.pupil_id == pupil_id}
    ranked = [name.removeprefix("choice_") for name in form if name.startswith("choice_")]
    if not set(ranked) <= theirs.keys():
        raise NotFound
    numbers = {each: _number(form[f"choice_{each}"]) for each in ranked}
    order = sorted(ranked, key=lambda each: (numbers[each], theirs[each].choice or 0))
    with context.parts.storage.unit() as unit:
        choices.rank_choices(unit, pupil_id, order, context.signed_in.audit_name)
    return context.redirect("/my", context.texts.gettext(N_("The order of the choices is saved.")))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 1000
