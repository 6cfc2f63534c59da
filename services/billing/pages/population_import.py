"""Population figures taken in from a file: Statistics Sweden's own layouts, or the simple list."""

from __future__ import annotations

from werkzeug.wrappers import Response

from services.billing.access import SET_BASIS, acting
from services.billing.commands.basis import Recorded
from services.billing.commands.population_files import import_populations
from services.billing.pages.populations import populations_page
from services.chassis.refusals import N_, Refused
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes

routes = Routes()


@routes.page("/finance/populations/import", access=SET_BASIS, methods=("POST",))
def import_a_file(context: Context) -> Response:
    """All of the file's figures, or none of them and the row or cell that said no."""
    upload = context.request.files.get("file")
    content = upload.read() if upload is not None else b""
    source = context.request.form.get("file_source", "")[:300]
    try:
        with context.parts.storage.unit() as unit:
            recorded = import_populations(unit, content, source, acting(context))
    except Refused as error:
        words = context.refusal_text(error.refusal)
        return populations_page(context, {"file_source": source}, [("file", words)], error.refusal.status)
    return context.redirect("/finance/populations", _told(context, recorded))


def _told(context: Context, recorded: Recorded) -> str:
    said = N_("From the file: %(first)s new figures, %(revised)s revised, %(unchanged)s known already.")
    return context.texts.gettext(said) % {
        "first": recorded.first,
        "revised": recorded.revised,
        "unchanged": recorded.unchanged,
    }
