"""Routes every service has: files, login, language, health, metrics, operations, OpenAPI."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Any

import prometheus_client
from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.security import safe_join
from werkzeug.wrappers import Response

from services.chassis.messaging import figures, parked
from services.chassis.refusals import N_
from services.chassis.storage.migrate import pending_migrations
from services.chassis.web import openapi
from services.chassis.web.access import PUBLIC, ROLE_LABELS, NotFound, only
from services.chassis.web.app import json_response
from services.chassis.web.context import Context, own_path
from services.chassis.web.languages import LANGUAGES
from services.chassis.web.personas import Persona, read_personas
from services.chassis.web.routes import Routes
from services.chassis.web.session import LANGUAGE_COOKIE
from services.contracts.registry import SERVICES
from services.contracts.site_map import FIRST_PAGE

STATIC = Path(__file__).parent / "static"
YEAR_SECONDS = 366 * 86400
# A fact that waits this long means that somebody should look.
NOT_READY_AFTER_SECONDS = 60

routes = Routes()


@routes.page("/static/<path:name>", access=PUBLIC)
def static_file(context: Context, name: str) -> Response:
    path = safe_join(str(STATIC), name)
    if path is None or not Path(path).is_file():
        raise NotFound
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    return Response(
        Path(path).read_bytes(), content_type=kind, headers={"Cache-Control": "public, max-age=300"}
    )


@routes.page("/favicon.ico", access=PUBLIC)
def favicon(context: Context) -> Response:
    response: Response = static_file(context, "favicon.svg")
    return response


@routes.page("/language", access=PUBLIC)
def change_language(context: Context) -> Response:
    chosen = context.request.args.get("to", "")
    response = context.redirect(own_path(context.request.args.get("next", "/")))
    if chosen in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, chosen, max_age=YEAR_SECONDS, samesite="Lax", path="/")
    return response


@routes.page("/accessibility", access=PUBLIC)
def accessibility(context: Context) -> Response:
    return context.render("accessibility.html")


def _personas(context: Context) -> tuple[Persona, ...]:
    file = context.parts.settings.personas_file
    return read_personas(file) if file is not None else ()


@routes.page("/login", access=PUBLIC)
def login(context: Context) -> Response:
    names = municipality_names(context)
    personas = [
        {
            "id": persona.id,
            "name": persona.name,
            "role": persona.role,
            "role_label": context.texts.gettext(ROLE_LABELS[persona.role]),
            "municipality_name": names.get(persona.municipality_code, persona.municipality_code),
            "about": persona.about.in_language(context.language),
        }
        for persona in _personas(context)
    ]
    return context.render(
        "login.html", personas=personas, next=own_path(context.request.args.get("next", "/"))
    )


@routes.page("/login", access=PUBLIC, methods=("POST",))
def log_in(context: Context) -> Response:
    form = context.request.form
    persona = next((p for p in _personas(context) if p.id == form.get("persona")), None)
    if persona is None:
        raise NotFound
    target = own_path(form.get("next", "/"))
    response = context.redirect(FIRST_PAGE[persona.role] if target == "/" else target)
    name = municipality_names(context).get(persona.municipality_code, persona.municipality_code)
    context.app.sessions.sign_in(response, persona.as_actor(name))
    return response


@routes.page("/logout", access=PUBLIC, methods=("POST",))
def log_out(context: Context) -> Response:
    response = context.redirect("/", context.texts.gettext(N_("You are signed out.")))
    context.app.sessions.sign_out(response)
    return response


def municipality_names(context: Context) -> dict[str, str]:
    """Names by code, from the service's own copy; a service that keeps none has no names to show."""
    names: dict[str, str] = getattr(context.parts, "municipality_names", dict)()
    return names


@routes.page("/health/<service>/live", access=PUBLIC)
def live(context: Context) -> Response:
    """The process answers."""
    return json_response({"service": context.parts.service, "status": "live"})


@routes.page("/health/<service>/ready", access=PUBLIC)
def ready(context: Context) -> Response:
    """The database answers and is migrated.

    A backlog or an absent broker is told, and no reason to send users away: pages and commands need neither.
    """
    parts = context.parts
    try:
        behind = pending_migrations(parts.storage, parts.service)
        now = figures.figures(parts.storage, parts.service)
    except Exception as error:
        document = {"service": parts.service, "status": "database_unavailable", "error": type(error).__name__}
        return json_response(document, 503)
    waiting = now.oldest_waiting_seconds(parts.clock.now())
    status = "ready" if waiting < NOT_READY_AFTER_SECONDS else "ready_with_backlog"
    broker = _broker_state(parts)
    if broker != "answers":
        status = "ready_without_broker"
    document = {
        "service": parts.service,
        "status": "migrations_pending" if behind else status,
        "broker": broker,
        "broker_away_seconds": round(parts.broker.away_seconds, 1),
        "outbox_backlog": now.outbox_backlog,
        "inbox_backlog": now.inbox_backlog,
        "oldest_waiting_seconds": round(waiting, 1),
        "parked": now.parked,
    }
    return json_response(document, 503 if behind else 200)


def _broker_state(parts: Any) -> str:
    if parts.broker.topology_differs:
        return "queues_differ"
    return "away" if parts.broker.away_seconds else "answers"


@routes.page("/metrics", access=PUBLIC)
def metrics_of_process(context: Context) -> Response:
    """All services of this process. The proxy does not pass this path on to the outside."""
    for app in context.app.siblings:
        parts = app.parts
        figures.export(parts.storage, parts.broker, parts.service)
    return Response(prometheus_client.generate_latest(), content_type=prometheus_client.CONTENT_TYPE_LATEST)


@routes.page("/metrics/<service>", access=PUBLIC)
def metrics_of_service(context: Context) -> Response:
    """This service's samples, and what belongs to the process as a whole."""
    parts = context.parts
    figures.export(parts.storage, parts.broker, parts.service)
    text = prometheus_client.generate_latest().decode()
    others = tuple(f'service="{name}"' for name in SERVICES if name != parts.service)
    kept = [line for line in text.splitlines(keepends=True) if not any(other in line for other in others)]
    return Response("".join(kept), content_type=prometheus_client.CONTENT_TYPE_LATEST)


@routes.page("/operations", access=only("operator"))
def operations_home(context: Context) -> Response:
    return context.redirect(f"/operations/{context.parts.service}")


@routes.page("/operations/<service>", access=only("operator"))
def operations(context: Context) -> Response:
    parts = context.parts
    now = figures.figures(parts.storage, parts.service)
    values: dict[str, Any] = {
        "service": parts.service,
        "services": SERVICES,
        "figures": now,
        "oldest_seconds": now.oldest_waiting_seconds(parts.clock.now()),
        "broker": _broker_state(parts),
        "now": parts.clock.now(),
    }
    if context.is_fragment:
        return context.render("operations_card.html", **values)
    with parts.storage.reading() as connection:
        values["readers"] = figures.readers(connection)
    values |= {
        "parked": parked.listed(parts.storage),
        "actions": parked.actions(parts.storage),
        "watch": parts.watch,
    }
    return context.render("operations.html", **values)


def _printable(text: str) -> None:
    # A NUL or half a character is nothing a database keeps.
    if not text.isprintable():
        raise ValidationError("Holds a control character.")


class ParkedForm(Schema):
    action = fields.String(required=True, validate=validate.OneOf(["replay", "discard"]))
    reason = fields.String(required=True, validate=[validate.Length(min=3, max=500), _printable])


def _require_readable(message_id: str) -> None:
    """Raises NotFound for what no database can look for."""
    if not message_id.isprintable():
        raise NotFound


@routes.page("/operations/<service>/parked/<message_id>", access=only("operator"))
def parked_fact(context: Context, message_id: str) -> Response:
    _require_readable(message_id)
    fact = parked.shown(context.parts.storage, message_id)
    return context.render("parked.html", service=context.parts.service, fact=fact)


@routes.page("/operations/<service>/parked/<message_id>", access=only("operator"), methods=("POST",))
def act_on_parked_fact(context: Context, message_id: str) -> Response:
    _require_readable(message_id)
    form = context.load_form(ParkedForm())
    parts = context.parts
    act = parked.replay if form["action"] == "replay" else parked.discard
    act(parts.storage, message_id, context.signed_in.audit_name, form["reason"])
    parts.bells.ring("inbox")
    said = N_("The fact will be handled again.") if act is parked.replay else N_("The fact is set aside.")
    return context.redirect(f"/operations/{parts.service}", context.texts.gettext(said))


class FiguresAnswer(Schema):
    service = fields.String(required=True)
    published = fields.Integer(required=True)
    received = fields.Integer(required=True)
    handled = fields.Integer(required=True)
    outbox_backlog = fields.Integer(required=True)
    inbox_backlog = fields.Integer(required=True)
    parked = fields.Integer(required=True)
    oldest_waiting_at = fields.AwareDateTime(required=True, allow_none=True)


@routes.api(
    "GET",
    "/operations",
    access=only("operator"),
    summary="How this service's facts are doing",
    answer=FiguresAnswer,
)
def operations_figures(context: Context) -> figures.Figures:
    return figures.figures(context.parts.storage, context.parts.service)


class ParkedAnswer(Schema):
    message_id = fields.String(required=True)
    source = fields.String(required=True)
    type = fields.String(required=True)
    subject = fields.String(required=True)
    attempts = fields.Integer(required=True)
    parked_at = fields.AwareDateTime(required=True)
    last_error = fields.String(required=True, allow_none=True)


class ParkedListAnswer(Schema):
    parked = fields.List(fields.Nested(ParkedAnswer), required=True)


@routes.api(
    "GET",
    "/operations/parked",
    access=only("operator"),
    summary="Parked facts, the longest parked first, at most 200",
    answer=ParkedListAnswer,
)
def list_parked(context: Context) -> dict[str, Any]:
    return {"parked": parked.listed(context.parts.storage)}


@routes.api(
    "POST",
    "/operations/parked/<message_id>",
    access=only("operator"),
    summary="Have a parked fact handled again, or set it aside",
    body=ParkedForm,
    status=200,
)
def act_on_parked(context: Context, message_id: str) -> dict[str, Any]:
    _require_readable(message_id)
    parts = context.parts
    act = parked.replay if context.body["action"] == "replay" else parked.discard
    act(parts.storage, message_id, context.signed_in.audit_name, context.body["reason"])
    parts.bells.ring("inbox")
    return {"message_id": message_id, "action": context.body["action"]}


@routes.page("/api/<service>/openapi.json", access=PUBLIC)
def openapi_document(context: Context) -> Response:
    return json_response(openapi.document(context.app.service, context.app.routes))
