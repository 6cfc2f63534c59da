"""Staff import their school's courses from a file: first shown, then done."""

from __future__ import annotations

import csv
import io

from werkzeug.wrappers import Response

from services.catalogue import commands
from services.catalogue.domain.course_file import COLUMNS, OPTIONAL_COLUMNS
from services.catalogue.domain.course_import import CHANGED, NEW, UNCHANGED
from services.catalogue.planning import Plan, plan_file
from services.catalogue.queries import files, reference
from services.chassis.clock import local_date
from services.chassis.refusals import N_, Refused
from services.chassis.web.access import only
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes

# A preview shows what changes; a file of thousands of rows shows the first of each kind.
ROWS_SHOWN = 200

routes = Routes()


@routes.page("/courses/import", access=only("staff"))
def choose_file(context: Context) -> Response:
    return _page(context)


@routes.page("/courses/import", access=only("staff"), methods=("POST",))
def preview_or_import(context: Context) -> Response:
    """First with the uploaded file, to see what it would do; then with its text again, to do it."""
    form = context.request.form
    upload = context.request.files.get("file")
    data = upload.read() if upload is not None else form.get("csv", "").encode()
    if not data:
        text = context.texts.gettext(N_("Choose a file first."))
        return _page(context, problems=[text], status=422)
    scope = context.signed_in.municipality
    try:
        if form.get("action") == "import":
            with context.parts.storage.unit() as unit:
                done = commands.import_courses(unit, data, form.get("term", ""), scope)
            return context.redirect("/courses/import", _told(context, done))
        with context.parts.storage.reading() as connection:
            plan = plan_file(connection, data, form.get("term", ""), scope)
    except Refused as refused:
        return _page(context, problems=[context.refusal_text(refused.refusal)], status=422)
    if plan.problems:
        return _page(context, problems=[context.refusal_text(p) for p in plan.problems], status=422)
    return _page(context, plan=plan, text=data.decode("utf-8-sig"))


def _told(context: Context, plan: Plan) -> str:
    counts = plan.counts
    said = N_("Imported: %(new)s new, %(changed)s changed, %(unchanged)s unchanged.")
    return context.texts.gettext(said) % {name: counts[name] for name in (NEW, CHANGED, UNCHANGED)}


def _page(
    context: Context,
    *,
    plan: Plan | None = None,
    text: str = "",
    problems: list[str] | None = None,
    status: int = 200,
) -> Response:
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        names = reference.municipality_names(connection, context.language)
        terms = reference.current_terms(connection, today)
        chosen = reference.latest_term_id(connection, today)
    shown = [planned for planned in plan.courses if planned.outcome != UNCHANGED] if plan else []
    return context.render(
        "import.html",
        http_status=status,
        scope_name=names.get(context.signed_in.municipality, context.signed_in.municipality),
        terms=[(term_id, term.name.in_language(context.language)) for term_id, term in terms.items()],
        term_chosen=context.request.form.get("term") or chosen,
        columns=COLUMNS,
        optional_columns=OPTIONAL_COLUMNS,
        plan=plan,
        counts=plan.counts if plan else {},
        shown=shown[:ROWS_SHOWN],
        hidden=max(0, len(shown) - ROWS_SHOWN),
        text=text,
        problems=problems or [],
    )


@routes.page("/courses/import/courses.csv", access=only("staff"))
def download_courses(context: Context) -> Response:
    """The courses of one's own municipality as the file that this page reads, to go on from."""
    today = local_date(context.parts.clock.now())
    with context.parts.storage.reading() as connection:
        term_id = reference.latest_term_id(connection, today)
        rows = files.course_rows(connection, term_id, context.signed_in.municipality)
    text = io.StringIO()
    writer = csv.DictWriter(text, (*COLUMNS, *OPTIONAL_COLUMNS))
    writer.writeheader()
    writer.writerows(rows)
    name = f"courses-{context.signed_in.municipality}.csv"
    return Response(
        # The mark tells spreadsheets that this is UTF-8.
        ("\ufeff" + text.getvalue()).encode(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
