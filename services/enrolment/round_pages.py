"""Pages of the admission round for families: rank, and read what each wish came to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from werkzeug.wrappers import Response

from services.chassis.refusals import N_, Refused
from services.chassis.web.access import NotFound
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes
from services.chassis.web.wrong import NOTHING_WRONG, Wrong, what_is_wrong
from services.contracts.rule_book import RuleBook
from services.contracts.rule_words.sentences import Chapter, chapters
from services.enrolment import words
from services.enrolment.domain.admission import CourseState
from services.enrolment.pages import FAMILY, person_id, today_of
from services.enrolment.queries import Pupil, pupils_of
from services.enrolment.rounds import commands, queries
from services.enrolment.rounds.commands import NOBODY_RANKED, Ranking
from services.enrolment.verdicts import Verdict, verdicts_by_course

routes = Routes()
MOST_WISHES = 10


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
