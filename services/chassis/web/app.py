"""The web application of one service: finds the route, checks who asks, runs the handler, answers errors."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import structlog
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.exceptions import NotFound as UnknownPath
from werkzeug.routing import IntegerConverter, Map, MapAdapter, RequestRedirect, Rule, UnicodeConverter
from werkzeug.wrappers import Request, Response

from services.chassis import telemetry
from services.chassis.ids import new_id
from services.chassis.storage.engine import is_deadlock
from services.chassis.web import access, errors, languages
from services.chassis.web.access import Actor
from services.chassis.web.context import MOST_BODY_BYTES, BoundedRequest, Context
from services.chassis.web.languages import Texts
from services.chassis.web.personas import read_personas
from services.chassis.web.routes import Route, Routes
from services.chassis.web.session import LANGUAGE_COOKIE, Sessions
from services.contracts.site_map import NAVIGATION

HERE = Path(__file__).parent
MOST_DEADLOCKS = 3
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}

log = structlog.get_logger("web")


class _Words(UnicodeConverter):
    """A part of a path: no sign that no database keeps. Such an address is of nothing."""

    def __init__(self, map: Map, **limits: Any) -> None:  # noqa: A002 (werkzeug's own name)
        super().__init__(map, **limits)
        self.regex = r"[^/\x00-\x1f\x7f\ud800-\udfff]+"


class _Number(IntegerConverter):
    """A year, or a number in a year."""

    def __init__(self, map: Map) -> None:  # noqa: A002 (werkzeug's own name)
        super().__init__(map, min=1, max=9999)


@cache
def _texts_and_templates(folder: Path) -> tuple[Texts, Environment]:
    """Of a service's folder; made once a process, since compiling templates costs most of a second."""
    texts = Texts(folder / "locale")
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(folder / "templates"), FileSystemLoader(HERE / "templates")]),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # added by the i18n extension
        texts.gettext, texts.ngettext, newstyle=True
    )
    environment.filters.update(languages.FILTERS)
    environment.globals.update(asset=lambda name: f"/static/{name}")
    return texts, environment


class App:
    """Serves the routes of one service. `parts` is what the service's wiring built."""

    def __init__(self, parts: Any, modules: Iterable[Routes], folder: Path) -> None:
        self.parts = parts
        self.service: str = parts.settings.service
        self.sessions = Sessions(
            parts.settings.secret_key, secure=parts.settings.public_url.startswith("https:")
        )
        self.texts, self._templates = _texts_and_templates(folder)
        self.routes = [route for module in modules for route in module.all]
        self._map = Map(
            [
                Rule(
                    route.path.replace("<service>", self.service),
                    endpoint=route,
                    methods=route.methods,
                )
                for route in self.routes
            ],
            strict_slashes=False,
            converters={"default": _Words, "string": _Words, "int": _Number},
        )
        self.siblings: list[App] = [self]  # the apps of this process, set by its front door
        if parts.settings.personas_file is not None:
            read_personas(parts.settings.personas_file)  # a file that cannot be used is told at the start

    def match(self, request: Request) -> tuple[Route, dict[str, Any]] | HTTPException:
        """The route for the request, or what is wrong with asking for it here."""
        adapter: MapAdapter = self._map.bind_to_environ(request.environ)
        try:
            route, arguments = adapter.match()
        except RequestRedirect as redirect:
            return redirect
        except (UnknownPath, MethodNotAllowed) as error:
            return error
        return route, dict(arguments)

    def answer(
        self,
        request: Request,
        route: Route | None,
        arguments: dict[str, Any],
        problem: HTTPException | None = None,
    ) -> Response:
        """Run the route; None is a path that nobody serves, or not in this way, as `problem` says."""
        started = time.perf_counter()
        telemetry.begin_trace(request.headers.get("traceparent"))
        context = self._context(request, route)
        try:
            if route is None:
                raise problem or UnknownPath()
            response = self._run_through_deadlocks(context, route, arguments)
        except Exception as error:
            response = errors.answer(context, route, error)
        context.finish(response)
        telemetry.REQUEST_SECONDS.labels(
            self.service, route.name if route else "unknown", response.status_code
        ).observe(time.perf_counter() - started)
        return response

    def _run_through_deadlocks(self, context: Context, route: Route, arguments: dict[str, Any]) -> Response:
        """A request that the database ended for another one's sake did nothing, and is simply run again."""
        for _ in range(MOST_DEADLOCKS):
            try:
                return self._run(context, route, arguments)
            except Exception as error:
                if not is_deadlock(error):
                    raise
                log.warning("deadlock", service=self.service, route=route.name)
        return self._run(context, route, arguments)

    def _context(self, request: Request, route: Route | None) -> Context:
        bears = route is not None and route.api is not None and "Authorization" in request.headers
        # A client with a token has no use for cookies: reading them would double what its check costs.
        session = self.sessions.anonymous() if bears else self.sessions.read(request)
        actor = self._bearer(request) if bears else session.actor
        accepted = [name for name, quality in request.accept_languages if quality > 0]
        language = languages.choose(request.cookies.get(LANGUAGE_COOKIE), accepted)
        languages.speak(language)
        context = Context(self, request, session, actor, language)
        context.flashes = [] if bears else self.sessions.flashed(request)
        return context

    def _bearer(self, request: Request) -> Actor | None:
        kind, _, token = request.headers["Authorization"].partition(" ")
        return self.sessions.actor_of_token(token.strip()) if kind.lower() == "bearer" else None

    def _run(self, context: Context, route: Route, arguments: dict[str, Any]) -> Response:
        access.check(route.access, context.actor, context, arguments)
        if context.request.method not in ("GET", "HEAD"):
            self._check_forgery(context, route)
        if route.api is not None:
            return _run_api(context, route, arguments)
        response: Response = route.handler(context, **arguments)
        is_page = (response.content_type or "").startswith("text/html")
        if is_page and context.session.is_new:
            # A page may hold a form: bind it to this browser.
            self.sessions.write(response, context.session)
        return response

    def _check_forgery(self, context: Context, route: Route) -> None:
        """A browser sends cookies by itself, so what changes something carries a token; a bearer does not."""
        request = context.request
        if route.api is not None and "Authorization" in request.headers:
            return
        token = request.headers.get("X-CSRF-Token")
        if token is None and route.api is None:
            token = request.form.get("csrf_token")
        self.sessions.check_form(context.session, token)

    def render(self, context: Context, template: str, values: dict[str, Any]) -> str:
        path = context.request.path
        actor = context.actor
        other = "en" if context.language == "sv" else "sv"
        here = context.request.full_path.rstrip("?") if context.request.method == "GET" else "/"
        navigation = [
            {
                "label": self.texts.gettext(link.label),
                "href": link.href,
                "current": path == link.href or path.startswith(f"{link.href}/"),
            }
            for link in NAVIGATION
            if not link.roles or (actor is not None and actor.role in link.roles)
        ]
        token = self.sessions.form_token(context.session)
        field = Markup('<input type="hidden" name="csrf_token" value="{}">').format(token)
        common = {
            "language": context.language,
            "other_language": other,
            "language_url": f"/language?{urlencode({'to': other, 'next': here})}",
            "actor": actor,
            "role_label": self.texts.gettext(access.ROLE_LABELS[actor.role]) if actor else "",
            "navigation": navigation,
            "csrf_field": lambda: field,
            "flash": context.flashes,
            "demo": self.parts.settings.personas_file is not None,
            "path": here,
        }
        # A fragment has no place for messages: they wait for the next whole page.
        context.has_told = not context.is_fragment
        return self._templates.get_template(template).render(**common, **values)


def _run_api(context: Context, route: Route, arguments: dict[str, Any]) -> Response:
    contract = route.api
    if contract is None:
        raise AssertionError("not an API route")
    if contract.query is not None:
        context.query = context.load_query(contract.query)
    if contract.body is not None:
        context.body = contract.body.load(_json_body(context.request))
    result = route.handler(context, **arguments)
    if isinstance(result, Response):
        return result
    document = contract.answer.dump(result) if contract.answer is not None else result
    return json_response(document, contract.status)


def _json_body(request: Request) -> Any:
    if (request.mimetype or "") != "application/json":
        raise errors.BadBody("the body must be application/json")
    try:
        return json.loads(request.get_data())
    except RequestEntityTooLarge:
        raise
    except (ValueError, RecursionError) as error:
        raise errors.BadBody("the body is not JSON") from error


def json_response(document: Any, status: int = 200, content_type: str = "application/json") -> Response:
    return Response(errors.as_json(document), status=status, content_type=content_type)


StartResponse = Callable[..., Any]


def _measure(environ: dict[str, Any]) -> None:
    """A body of unsaid length is read before all else: werkzeug would see none, or cut it off."""
    body = environ["wsgi.input"].read(MOST_BODY_BYTES + 1)
    environ["wsgi.input"] = BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))


class FrontDoor:
    """One WSGI application over the apps of this process: all four embedded, one on a server."""

    def __init__(self, apps: Iterable[App]) -> None:
        self.apps = list(apps)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request = BoundedRequest(environ)
        try:
            if environ.pop("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
                _measure(environ)
            response = self._answer(request)
        except Exception:
            # What fails before an app has the request: bytes that are no HTTP we read.
            reference = new_id()
            log.exception("front_door_failed", reference=reference)
            response = Response(f"Bad request ({reference})\n", status=400, content_type="text/plain")
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        problem: tuple[App, HTTPException] | None = None
        for app in self.apps:
            found = app.match(request)
            if isinstance(found, RequestRedirect):
                # Only the path: behind a proxy the scheme and host seen here are not the visitor's.
                target = urlsplit(found.new_url)
                return Response(
                    status=308, headers={"Location": target._replace(scheme="", netloc="").geturl()}
                )
            if isinstance(found, HTTPException):
                if problem is None or isinstance(found, MethodNotAllowed):
                    problem = (app, found)
                continue
            return app.answer(request, *found)
        app, error = problem or (self.apps[0], UnknownPath())
        return app.answer(request, None, {}, error)
