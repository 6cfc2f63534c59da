"""What a handler is given: the request, who asks, in which language, and the service's parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow
from werkzeug.wrappers import Request, Response

from services.chassis.refusals import Refusal
from services.chassis.web.access import Actor
from services.chassis.web.languages import Texts
from services.chassis.web.session import FLASH_COOKIE, Session

MOST_BODY_BYTES = 1024 * 1024


class BoundedRequest(Request):
    """No body over a megabyte is read into memory, whatever its header says."""

    max_content_length = MOST_BODY_BYTES
    max_form_memory_size = MOST_BODY_BYTES
    max_form_parts = 500


class Context:
    """One request on its way through a service."""

    def __init__(
        self, app: Any, request: Request, session: Session, actor: Actor | None, language: str
    ) -> None:
        self.app = app
        self.request = request
        self.session = session
        self.actor = actor
        self.language = language
        self.query: dict[str, Any] = {}
        self.body: dict[str, Any] = {}
        self.flashes: list[dict[str, str]] = []
        self.has_told = False  # whether a page has shown them
        self._flash: tuple[str, str] | None = None

    @property
    def parts(self) -> Any:
        """What the service's wiring built."""
        return self.app.parts

    @property
    def texts(self) -> Texts:
        texts: Texts = self.app.texts
        return texts

    @property
    def signed_in(self) -> Actor:
        """The actor of a route that only signed-in people reach."""
        if self.actor is None:
            raise AssertionError("this route's access lets nobody in who is not signed in")
        return self.actor

    @property
    def is_fragment(self) -> bool:
        """htmx asked for a part of the page."""
        return self.request.headers.get("HX-Request") == "true"

    def load_query(self, schema: marshmallow.Schema) -> dict[str, Any]:
        """The query string through a schema; empty fields count as absent. Raises ValidationError."""
        return _load(schema, self.request.args)

    def load_form(self, schema: marshmallow.Schema) -> dict[str, Any]:
        """The posted form through a schema; empty fields count as absent. Raises ValidationError."""
        return _load(schema, self.request.form)

    def render(self, template: str, /, *, http_status: int = 200, **values: Any) -> Response:
        html = self.app.render(self, template, values)
        return Response(html, status=http_status, content_type="text/html; charset=utf-8")

    def redirect(self, path: str, flash: str | None = None, kind: str = "ok") -> Response:
        """See-other to a path of our own, so that reloading the next page does nothing again."""
        if flash is not None:
            self._flash = (kind, flash)
        return Response(status=303, headers={"Location": own_path(path)})

    def refusal_text(self, refusal: Refusal) -> str:
        return self.texts.reason(refusal)

    def finish(self, response: Response) -> None:
        """Write the cookies the request needs; called once by the app."""
        sessions = self.app.sessions
        if self._flash is not None:
            sessions.flash(response, *self._flash)
        elif self.flashes and self.has_told:
            response.delete_cookie(FLASH_COOKIE)


def _load(schema: marshmallow.Schema, values: Any) -> dict[str, Any]:
    given: Mapping[str, str] = {
        name: text for name, text in values.items() if text != "" and name != "csrf_token"
    }
    loaded: dict[str, Any] = schema.load(given)
    return loaded


def own_path(path: str) -> str:
    """`path` if it stays on this origin, else the home page: a link must not lead elsewhere after a login."""
    if not path.startswith("/") or path.startswith(("//", "/\\")) or any(ord(c) < 32 for c in path):
        return "/"
    return path
