"""Pages of the admission round: families rank and read why; staff open, rehearse, run and publish."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate
from werkzeug.wrappers import Response

from services.chassis.ids import new_id
from services.chassis.refusals import N_, Refused
from services.chassis.storage.unit import Unit
from services.chassis.web.access import NotFound, only
from services.chassis.web.context import Context
from services.chassis.web.inputs import IdField
from services.chassis.web.routes import Routes
from services.chassis.web.wrong import NOTHING_WRONG, Wrong, what_is_wrong
from services.contracts.rule_book import RuleBook
from services.contracts.rule_words.sentences import Chapter, chapters
from services.enrolment import words
from services.enrolment.domain.admission import CourseState
from services.enrolment.pages import FAMILY, person_id, today_of
from services.enrolment.queries import Pupil, pupils_of
from services.enrolment.rounds import commands, queries
from services.enrolment.rounds.commands import FINAL, NOBODY_RANKED, REHEARSAL, NewRound, Ranking
from services.enrolment.staff_pages import STAFF
from services.enrolment.tables import rounds, terms
from services.enrolment.verdicts import Verdict, verdicts_by_course

routes = Routes()
MOST_WISHES = 10
RESERVED = "reserved_"  # how the fields are named that hold the seats of a municipality
MOST_RESERVED = 99


def scope_of_round(context: Context, round_id: str, action: str = "") -> str | None:
    with context.parts.storage.reading() as connection:
        return queries.scope_of_round(connection, round_id)


STAFF_OF_ROUND = only("staff", municipality=scope_of_round)


@routes.page("/my/rounds/<round_id>", access=FAMILY)
def rank_page(context: Context, round_id: str) -> Response:
    """`?child=` is whose ranking stands in the form, to be changed."""
    return _rank_page(context, round_id, None, NOTHING_WRONG)


@dataclass(frozen=True, slots=True)
class FilledIn:
    """What stands in the form: for whom, and which courses from the best on."""

    pupil_ids: Sequence[str]
    course_ids: Sequence[str]


def _in_the_form(
    children: Sequence[Pupil], wishes: Mapping[str, tuple[str, list[str]]], child: str
) -> FilledIn:
    """The ranking of `child` with whom it was ranked together, else the only one there is."""
    rankings: dict[str, FilledIn] = {}
    for pupil_id, (party_id, course_ids) in wishes.items():
        before = rankings.get(party_id)
        rankings[party_id] = FilledIn([*(before.pupil_ids if before else ()), pupil_id], course_ids)
    if child in wishes:
        return rankings[wishes[child][0]]
    ranked_by_all = {pupil_id for each in rankings.values() for pupil_id in each.pupil_ids}
    if len(rankings) == 1 and len(ranked_by_all) == len(children):
        return next(iter(rankings.values()))
    alone = [child] if any(each.pupil_id == child for each in children) else []
    return FilledIn([children[0].pupil_id] if len(children) == 1 else alone, [])


def _rank_page(context: Context, round_id: str, filled_in: FilledIn | None, wrong: Wrong) -> Response:
    """The children with what they have ranked and, once the round is published, what became of it."""
    with context.parts.storage.reading() as connection:
        found = queries.round_of(connection, round_id)
        if found is None:
            raise NotFound
        children = pupils_of(connection, person_id(context), today_of(context))
        wishes = queries.wishes_of(connection, round_id, [child.pupil_id for child in children])
        why = {
            child.pupil_id: queries.explanation_of(connection, round_id, child.pupil_id) for child in children
        }
        states = queries.states_of(connection, round_id)
        titles = queries.titles(connection, states)
        verdicts = verdicts_by_course(connection, person_id(context), states, today_of(context))
    return context.render(
        "rank.html",
        http_status=wrong.status,
        round=found,
        children=children,
        wishes=wishes,
        why=why,
        titles=titles,
        verdicts_of=lambda child: _verdicts_of(child, titles, verdicts),
        books=_books(states, context.parts.municipality_names()),
        refusal_text=context.refusal_text,
        basis_text=lambda basis: context.texts.gettext(basis.reason) % basis.facts,
        wrong=wrong,
        filled_in=filled_in or _in_the_form(children, wishes, context.request.args.get("child", "")),
        words=words,
    )


def _verdicts_of(
    child: Pupil, titles: Iterable[str], verdicts: Mapping[str, Sequence[Verdict]]
) -> list[tuple[str, Verdict]]:
    """By course, in the order of their names, what it would cost the child or why it cannot take it."""
    return [
        (course_id, verdict)
        for course_id in titles
        for verdict in verdicts[course_id]
        if verdict.pupil.pupil_id == child.pupil_id
    ]


def _books(
    states: Mapping[str, CourseState], names: Mapping[str, str]
) -> list[tuple[RuleBook, Sequence[Chapter]]]:
    """Each rule book by which places are given and priced, with its rules in plain words."""
    books = {state.rule_book.rule_book_id: state.rule_book for state in states.values()}
    by_school = sorted(books.values(), key=lambda book: (book.school_name, book.rule_book_id))
    return [(book, chapters(book, names)) for book in by_school]


@routes.page("/my/rounds/<round_id>", access=FAMILY, methods=("POST",))
def rank(context: Context, round_id: str) -> Response:
    """Ranks for the ticked children, together where there are several. A refusal changes nothing."""
    form = context.request.form
    given = [form.get(f"wish{n}", "") for n in range(1, MOST_WISHES + 1)]
    ranking = Ranking(
        round_id,
        tuple(dict.fromkeys(form.getlist("pupil_id"))),
        tuple(wish for wish in given if wish),
        person_id(context),
        context.signed_in.audit_name,
    )
    try:
        with context.parts.storage.unit() as unit:
            commands.rank_courses(unit, ranking)
    except Refused as refused:
        field = "pupil_id" if refused.refusal is NOBODY_RANKED else ""
        filled_in = FilledIn(ranking.pupil_ids, ranking.course_ids)
        return _rank_page(context, round_id, filled_in, what_is_wrong(context, refused, about=field))
    said = N_("The ranking is saved.") if ranking.course_ids else N_("The ranking is taken back.")
    return context.redirect(f"/my/rounds/{round_id}", context.texts.gettext(said))


@routes.page("/staff/rounds", access=STAFF)
def rounds_page(context: Context) -> Response:
    return _rounds_page(context, {"round_id": new_id(), "most_wishes": "5"}, NOTHING_WRONG)


def _rounds_page(context: Context, form: Mapping[str, str], wrong: Wrong) -> Response:
    with context.parts.storage.reading() as connection:
        mine = rounds.c.scope.startswith(context.signed_in.municipality)
        found = queries.rounds_where(connection, mine)
        open_terms = connection.execute(terms.select().order_by(terms.c.starts_on.desc())).all()
        names = queries.municipality_names(connection)
        kept = queries.kept_by_rule_books(connection, context.signed_in.municipality, today_of(context))
    return context.render(
        "rounds.html",
        http_status=wrong.status,
        rounds=found,
        terms=[(t.term_id, t.name_en if context.language == "en" else t.name_sv) for t in open_terms],
        names=names,
        kept=kept,
        form=form,
        wrong=wrong,
        words=words,
    )


class RoundForm(Schema):
    """Beside these a number for each municipality, `reserved_<code>`."""

    class Meta:
        unknown = EXCLUDE

    round_id = IdField(required=True)
    term_id = fields.String(required=True, validate=validate.Length(1, 64))
    most_wishes = fields.Integer(required=True, validate=validate.Range(1, MOST_WISHES))


@routes.page("/staff/rounds", access=STAFF, methods=("POST",))
def open_round(context: Context) -> Response:
    try:
        form = context.load_form(RoundForm())
        new = NewRound(
            **form,
            scope=context.signed_in.municipality,
            seed=secrets.token_hex(16),
            reserved=_reserved(context.request.form),
        )
        with context.parts.storage.unit() as unit:
            commands.open_round(unit, new, context.signed_in.audit_name)
    except (Refused, ValidationError) as error:
        return _rounds_page(context, context.request.form, what_is_wrong(context, error))
    said = context.texts.gettext(N_("The round is open: families can rank."))
    return context.redirect(f"/staff/rounds/{new.round_id}", said)


def _reserved(form: Mapping[str, str]) -> dict[str, int]:
    """Seats by municipality; an empty field is none typed. Raises ValidationError with the fields' names."""
    number = fields.Integer(validate=validate.Range(0, MOST_RESERVED))
    given: dict[str, int] = {}
    errors: dict[str, list[str]] = {}
    for name, text in form.items():
        if name.startswith(RESERVED) and text.strip():
            try:
                given[name.removeprefix(RESERVED)] = number.deserialize(text)
            except ValidationError as error:
                errors[name] = error.messages  # type: ignore[assignment]  # of one field, so a list
    if errors:
        raise ValidationError(errors)
    return given


@routes.page("/staff/rounds/<round_id>", access=STAFF_OF_ROUND)
def round_page(context: Context, round_id: str) -> Response:
    """Every run so far, the newest compared with the one before, and who would be without a place."""
    with context.parts.storage.reading() as connection:
        found = queries.round_of(connection, round_id)
        runs = queries.runs_of(connection, round_id)
        compared = queries.compare(connection, runs[1].run_id, runs[0].run_id) if len(runs) > 1 else None
        scope = context.signed_in.municipality
        without = queries.without_place(connection, runs[0].run_id, scope) if runs else []
        names = queries.municipality_names(connection)
        kept = [] if found is None else kept_seats(connection, found, today_of(context))
    return context.render(
        "round.html",
        round=found,
        runs=runs,
        compared=compared,
        without=without,
        kept=kept,
        names=names,
        run_id=new_id(),
        words=words,
    )


def kept_seats(connection: sa.Connection, found: queries.Round, today: date) -> list[queries.KeptSeats]:
    """What the rule books keep in the round, beside what staff typed for it and that goes before them."""
    books = queries.kept_by_rule_books(connection, found.scope, today, found.term_id)
    return [each for each in books if each.municipality_code not in found.reserved]


def _rehearse(unit: Unit, round_id: str, run_id: str, by: str) -> None:
    commands.run_round(unit, round_id, run_id, REHEARSAL, by)


def _run(unit: Unit, round_id: str, run_id: str, by: str) -> None:
    commands.run_round(unit, round_id, run_id, FINAL, by)


def _publish(unit: Unit, round_id: str, _run_id: str, by: str) -> None:
    commands.publish_round(unit, round_id, by)


_ACTIONS = {
    "rehearse": (_rehearse, N_("This is what would happen. Nothing has changed for anybody.")),
    "run": (_run, N_("The round has been run and the ranking is closed. Publish it when you have read it.")),
    "publish": (_publish, N_("The round is published: every family is told.")),
}


class RunForm(Schema):
    run_id = IdField(required=True)


@routes.page(
    "/staff/rounds/<round_id>/<any(rehearse,run,publish):action>", access=STAFF_OF_ROUND, methods=("POST",)
)
def act_on_round(context: Context, round_id: str, action: str) -> Response:
    form = context.load_form(RunForm())
    command, said = _ACTIONS[action]
    with context.parts.storage.unit() as unit:
        command(unit, round_id, form["run_id"], context.signed_in.audit_name)
    return context.redirect(f"/staff/rounds/{round_id}", context.texts.gettext(said))
