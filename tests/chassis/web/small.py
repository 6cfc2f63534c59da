"""A small service of its own: a route of each kind, so that no real service's rules are in the way."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate
from werkzeug.wrappers import Response

from services.chassis.refusals import Refusal, Refused
from services.chassis.web.access import PUBLIC, SIGNED_IN, only
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes

SECRET_TEXT = "Alma Hellström 201705032389"

routes = Routes()


def _text(context: Context) -> Response:
    return Response(context.actor.audit_name if context.actor else "anybody", content_type="text/plain")


def municipality_of(context: Context, code: str) -> str | None:
    """There is a thing in every municipality but 1999."""
    return None if code == "1999" else code


class Greeting(Schema):
    name = fields.String(required=True, validate=validate.Length(max=20))
    age = fields.Integer()


class Found(Schema):
    name = fields.String(required=True)


@routes.page("/", access=PUBLIC)
def home(context: Context) -> Response:
    return context.render("error.html", status=200, title="Home", text="", what_next=[], reference=None)


@routes.page("/signed-in", access=SIGNED_IN)
def signed_in(context: Context) -> Response:
    return _text(context)


@routes.page("/staff", access=only("staff"))
def staff(context: Context) -> Response:
    return _text(context)


@routes.page("/things/<code>", access=only("staff", "finance", municipality=municipality_of))
def thing(context: Context, code: str) -> Response:
    return _text(context)


@routes.page("/greet", access=only("staff"), methods=("POST",))
def greet(context: Context) -> Response:
    name = context.load_form(Greeting())["name"]
    return context.redirect("/", f"Hello {name}")


@routes.page("/fails", access=PUBLIC)
def fails(context: Context) -> Response:
    raise RuntimeError(SECRET_TEXT)


@routes.page("/refused", access=PUBLIC)
def refused(context: Context) -> Response:
    raise Refused(
        Refusal("course_full", "There are %(n)s in the queue.", {"n": 3}, rule="queue/full", status=409)
    )


@routes.api("GET", "/open", access=PUBLIC, summary="For everybody", query=Greeting, answer=Found)
def find(context: Context) -> dict[str, Any]:
    return {"name": context.query["name"], "hidden": SECRET_TEXT}


@routes.api("GET", "/signed-in", access=SIGNED_IN, summary="For whoever is signed in")
def api_signed_in(context: Context) -> dict[str, Any]:
    return {"name": context.signed_in.audit_name}


@routes.api("GET", "/staff", access=only("staff"), summary="For staff")
def api_staff(context: Context) -> dict[str, Any]:
    return {"name": context.signed_in.audit_name}


@routes.api(
    "GET",
    "/things/<code>",
    access=only("staff", "finance", municipality=municipality_of),
    summary="One's own",
)
def api_thing(context: Context, code: str) -> dict[str, Any]:
    return {"code": code}


@routes.api(
    "POST", "/greet", access=only("staff"), summary="With a body", body=Greeting, answer=Found, status=201
)
def api_greet(context: Context) -> dict[str, Any]:
    return dict(context.body)


@routes.api("GET", "/fails", access=PUBLIC, summary="Fails")
def api_fails(context: Context) -> dict[str, Any]:
    raise RuntimeError(SECRET_TEXT)


@routes.api("GET", "/refused", access=PUBLIC, summary="Refuses")
def api_refused(context: Context) -> dict[str, Any]:
    raise Refused(
        Refusal("course_full", "There are %(n)s in the queue.", {"n": 3}, rule="queue/full", status=409)
    )


@routes.api("POST", "/echo", access=only("staff"), summary="Refuses with what it got", body=Greeting)
def api_echo(context: Context) -> dict[str, Any]:
    raise Refused(Refusal("no_such_name", "Nobody is called %(name)s.", {"name": context.body["name"]}))
