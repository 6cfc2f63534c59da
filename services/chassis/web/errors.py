"""Every way a request can fail, as a page for people and a problem document (RFC 9457) for programs.

A visitor never reads an exception's text: an unforeseen one gets a reference that is also in the log.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import marshmallow
import structlog
from werkzeug.exceptions import MethodNotAllowed, RequestEntityTooLarge
from werkzeug.exceptions import NotFound as UnknownPath
from werkzeug.wrappers import Response

from services.chassis.ids import new_id
from services.chassis.refusals import N_, Refused
from services.chassis.web.access import NotFound, NotSignedIn
from services.chassis.web.session import FormExpired
from services.chassis.web.wrong import by_field, first_of, sentences

if TYPE_CHECKING:
    from services.chassis.web.context import Context
    from services.chassis.web.routes import Route

PROBLEM = "application/problem+json"

log = structlog.get_logger("web")


class BadBody(Exception):
    """The body could not be read; the text says why and holds nothing of the body."""


@dataclass(frozen=True, slots=True)
class Problem:
    """`title` and `text` are translatable; `name` is stable for programs."""

    name: str
    status: int
    title: str
    text: str
    rule: str | None = None
    errors: Any = None
    reference: str | None = None
    next_links: list[tuple[str, str]] = field(default_factory=list)


def answer(context: Context, route: Route | None, error: Exception) -> Response:
    path = context.request.path
    wants_json = route.api is not None if route is not None else path.startswith("/api/")
    if isinstance(error, NotSignedIn) and not wants_json:
        here = context.request.full_path.rstrip("?") if context.request.method == "GET" else "/"
        return Response(status=303, headers={"Location": f"/login?{urlencode({'next': here})}"})
    problem = _problem(context, error)
    response = _document(context, problem) if wants_json else _page(context, problem)
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return response


def as_json(document: Any) -> bytes:
    """Readable, and valid also where it repeats half a character that a client wrote as an escape."""
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _page(context: Context, problem: Problem) -> Response:
    return context.render(
        "error.html",
        http_status=problem.status,
        status=problem.status,
        title=problem.title,
        text=problem.text,
        what_next=problem.next_links or [(context.texts.gettext(N_("Search the courses")), "/courses")],
        reference=problem.reference,
    )


def _document(context: Context, problem: Problem) -> Response:
    document = {
        "type": f"urn:samklang:problem:{problem.name}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.text,
        "name": problem.name,
        "rule": problem.rule,
        "errors": problem.errors,
        "reference": problem.reference,
    }
    present = {key: value for key, value in document.items() if value is not None}
    headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else {}
    return Response(
        as_json(present),
        status=problem.status,
        content_type=PROBLEM,
        headers=headers,
    )


def _problem(context: Context, error: Exception) -> Problem:
    say = context.texts.gettext
    if isinstance(error, Refused):
        refusal = error.refusal
        title = say(N_("That is not possible"))
        return Problem(refusal.name, refusal.status, title, context.refusal_text(refusal), rule=refusal.rule)
    if isinstance(error, marshmallow.ValidationError):
        title = say(N_("Something in what you filled in does not fit"))
        return Problem("input_invalid", 422, title, _fields(context, error), errors=by_field(error))
    for kind, (name, status, title, text) in _KNOWN.items():
        if isinstance(error, kind):
            return Problem(name, status, say(title), say(text))
    reference = new_id()
    log.error("request_failed", reference=reference, path=context.request.path, exc_info=error)
    return Problem(
        "internal_error",
        500,
        say(N_("Something went wrong on our side")),
        say(N_("Nothing was lost. Try again in a moment; if it stays, tell us this reference.")),
        reference=reference,
    )


_NOT_FOUND = (
    "not_found",
    404,
    N_("There is no such page"),
    N_("The address may be old or mistyped. What you look for may have moved."),
)
_KNOWN: dict[type[Exception], tuple[str, int, str, str]] = {
    NotSignedIn: (
        "not_signed_in",
        401,
        N_("Sign in first"),
        N_("This needs a signed-in person or a valid token."),
    ),
    NotFound: _NOT_FOUND,
    UnknownPath: _NOT_FOUND,
    FormExpired: (
        "form_expired",
        403,
        N_("The form has expired"),
        N_(
            "It was open for too long, or in another session. Nothing was changed: go back, reload the page "
            "and send it again."
        ),
    ),
    BadBody: (
        "body_unreadable",
        400,
        N_("The request cannot be read"),
        N_("The body must be JSON, with content type application/json."),
    ),
    RequestEntityTooLarge: (
        "body_too_large",
        413,
        N_("That is too much at once"),
        N_("A request may hold at most one megabyte. Nothing was changed."),
    ),
    MethodNotAllowed: (
        "method_not_allowed",
        405,
        N_("That cannot be done with this address"),
        N_("The address exists, but not for this kind of request."),
    ),
}


def _fields(context: Context, error: marshmallow.ValidationError) -> str:
    """What is wrong, a handful at most: to a person in sentences, to a program by the names of the fields."""
    if context.request.path.startswith("/api/"):
        return "; ".join(f"{name}: {first_of(what)}" for name, what in list(by_field(error).items())[:5])
    return " ".join(dict.fromkeys(text for _, text in sentences(context, error)[:5]))
