"""All routes of all services: each says who may use it, and no input makes one fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import eventlet
import pytest
from werkzeug.routing import Map, Rule
from werkzeug.test import Client

from services.chassis.clock import FixedClock
from services.chassis.messaging.entrypoints import Bell
from services.chassis.process import Composition
from services.chassis.settings import COUNTY_FOLDER, read_settings
from services.chassis.storage.engine import Storage
from services.chassis.web.access import ROLES, Access
from services.chassis.web.routes import Route
from services.command_line import documents
from services.contracts.registry import SERVICES
from tests.web import bearer, client_of, sign_in

# A route for everybody is added here knowingly, or not at all.
PUBLIC = {
    "/static/<path:name>", "/favicon.ico", "/language", "/accessibility", "/login", "/logout",
    "/health/<service>/live", "/health/<service>/ready", "/metrics", "/metrics/<service>",
    "/api/<service>/openapi.json", "/", "/courses", "/courses/<course_id>", "/schools", "/schools/<code>",
    "/api/<service>/courses", "/api/<service>/courses/<course_id>",
    "/api/<service>/courses/<course_id>/eligibility", "/api/<service>/municipalities",
    "/api/<service>/schools", "/api/<service>/rule-books", "/api/<service>/terms",
}  # fmt: skip
# Everybody may ask for another language, come and go.
PUBLIC_CHANGES = {"/login", "/logout"}
ODD_PATHS = ("x", "%00", "a%00b", "%FF", "%27--", "9" * 30, "x" * 400, "%E2%80%AE")
ODD_NUMBERS = ("0", "1", "9999", "10000", "9" * 30)
ODD_VALUES: tuple[Any, ...] = (
    "", "x", "\x00", "a\x00b", "\ud800", "x" * 3000, "'--", "2026-02-30", 0, -1, 10**30, 1.5, True, None,
    [], {}, [None], {"x": 1},
)  # fmt: skip


@pytest.fixture(autouse=True)
def _limit() -> None:
    """None of the chassis' own: one test asks some hundred times. The whole run's limit is enough."""


def composed(service: str, clock: FixedClock, tmp_path: Path, **environment: str) -> Composition:
    settings = read_settings(service, {"SAMKLANG_VAR": str(tmp_path), **environment})
    composition: Composition = import_module(f"services.{service}.wiring").compose(settings, clock)
    return composition


@pytest.fixture(params=SERVICES)
def unopened(request: pytest.FixtureRequest, clock: FixedClock, tmp_path: Path) -> Iterator[Composition]:
    """A service without a database: who may not pass does not reach it."""
    url = "postgresql+psycopg2://nobody@127.0.0.1:1/none"
    composition = composed(request.param, clock, tmp_path, DATABASE_URL=url)
    yield composition
    composition.parts.close()


def path_of(route: Route, service: str, argument: str = "x") -> str:
    """A path of the route; `argument` takes the place of whatever is no number or word of a list."""
    path = route.path.replace("<service>", service)
    path = re.sub(r"<int:\w+>", "2025", path)
    path = re.sub(r"<any\((\w+)[^>]*>", r"\1", path)
    return re.sub(r"<[^>]+>", lambda _: argument, path)


def ask(client: Client, route: Route, path: str, **more: Any) -> Any:
    return client.open(path, method=route.methods[0], **more)


def test_every_route_says_who_may_use_it(unopened: Composition) -> None:
    for route in unopened.app.routes:
        assert isinstance(route.access, Access), route.path
        if route.access.roles is None:
            assert route.path in PUBLIC, route.path
            assert route.methods == ("GET",) or route.path in PUBLIC_CHANGES, route.path
        else:
            assert route.access.roles <= set(ROLES)
        assert (route.api is not None) == route.path.startswith("/api/") or route.path.endswith(
            "openapi.json"
        )


def test_no_two_routes_of_a_service_are_the_same(unopened: Composition) -> None:
    seen = [(method, route.path) for route in unopened.app.routes for method in route.methods]
    assert len(seen) == len(set(seen))


def test_no_two_services_serve_one_path(clock: FixedClock, tmp_path: Path) -> None:
    """Of one origin: what each service has of its own is nobody else's."""
    owners: dict[str, set[str]] = {}
    for service in SERVICES:
        for route in composed(service, clock, tmp_path).app.routes:
            if not route.handler.__module__.startswith("services.chassis"):
                owners.setdefault(route.path.replace("<service>", service), set()).add(service)
    assert {path: who for path, who in owners.items() if len(who) > 1} == {}


def test_nobody_passes_without_signing_in(unopened: Composition) -> None:
    client = client_of(unopened)
    for route in unopened.app.routes:
        if route.access.roles is None:
            continue
        answer = ask(client, route, path_of(route, unopened.app.service), json={})
        if route.api is not None:
            assert (answer.status_code, answer.json["name"]) == (401, "not_signed_in"), route.path
        else:
            assert answer.status_code == 303, route.path
            assert answer.headers["Location"].startswith("/login?next="), route.path


def test_no_other_role_passes(unopened: Composition) -> None:
    client = client_of(unopened)
    for route in unopened.app.routes:
        for role in set(ROLES) - (route.access.roles or set(ROLES)):
            path = path_of(route, unopened.app.service)
            if route.api is not None:
                headers = bearer(unopened, role=role, municipality="1980", person_id="p")
                answer = ask(client, route, path, json={}, headers=headers)
                assert (answer.status_code, answer.json["name"]) == (403, "role_not_allowed"), route.path
            else:
                token = sign_in(client, unopened, role=role, municipality="1980", person_id="p")
                answer = ask(
                    client, route, path, data={"csrf_token": token} if route.methods == ("POST",) else None
                )
                assert answer.status_code == 403, route.path


def test_a_changed_form_or_none_changes_nothing(unopened: Composition) -> None:
    """Where the municipality is asked of the database first, the database of these tests is not there."""
    client = client_of(unopened)
    for route in unopened.app.routes:
        if route.methods == ("GET",) or route.access.municipality is not None:
            continue
        role = min(route.access.roles or {"staff"})
        sign_in(client, unopened, role=role, municipality="19", person_id="p")
        path = path_of(route, unopened.app.service)
        for given in ({}, {"csrf_token": "forged"}):
            more = {"json": given} if route.api is not None else {"data": given}
            assert ask(client, route, path, **more).status_code == 403, route.path


@pytest.fixture
def opened(
    service: str, make_storage: Callable[[str], Storage], database_url: str, clock: FixedClock, tmp_path: Path
) -> Iterator[Composition]:
    """A service over its migrated database, with the county's own files where it loads some."""
    storage = make_storage(service)
    if service in ("catalogue", "billing"):
        import_module(f"services.{service}.county").load(storage, COUNTY_FOLDER)
    composition = composed(service, clock, tmp_path, DATABASE_URL=database_url)
    deciding = eventlet.spawn(_decide, composition.parts) if service == "enrolment" else None
    yield composition
    if deciding is not None:
        deciding.kill()
    composition.parts.close()


def _decide(parts: Any) -> None:
    """What enrolment's service does in a loop of its own; a request waits for it."""
    bell = Bell()
    parts.bells.hang("applications", bell)
    while True:
        bell.clear()
        rest = parts.decider.run_once()
        if rest:
            bell.wait(rest)


def signed_in(route: Route, composition: Composition) -> dict[str, str]:
    """Headers of somebody who may use the API route, for the whole county."""
    role = min(route.access.roles or {"staff"})
    return bearer(composition, role=role, municipality="19", person_id="00000000-0000-4000-8000-000000000000")


@pytest.mark.parametrize("service", SERVICES)
class TestOddInput:
    """Whatever is written, the answer is a refusal and not a failure, on either database."""

    def test_in_paths(self, service: str, opened: Composition) -> None:
        client = client_of(opened)
        failed = []
        for route in opened.app.routes:
            if "<" not in route.path.replace("<service>", "") or route.path.startswith("/static"):
                continue
            has_number = "<int:" in route.path
            for odd in ODD_NUMBERS if has_number else ODD_PATHS:
                path = path_of(route, service, "x" if has_number else odd)
                if has_number:
                    path = path.replace("2025", odd)
                role = min(route.access.roles or {"staff"})
                token = sign_in(client, opened, role=role, municipality="19", person_id="p")
                more = {"json": {}, "headers": signed_in(route, opened)} if route.api else (
                    {"data": {"csrf_token": token}} if route.methods == ("POST",) else {}
                )  # fmt: skip
                answer = ask(client, route, path, **more)
                if answer.status_code >= 500:
                    failed.append((route.methods[0], path[:80]))
        assert failed == []

    def test_in_queries(self, service: str, opened: Composition) -> None:
        client = client_of(opened)
        failed = []
        for route in opened.app.routes:
            if route.api is None or route.api.query is None:
                continue
            for name in route.api.query.fields:
                for odd in (
                    value for value in ODD_VALUES if isinstance(value, str | int) and value != "\ud800"
                ):
                    answer = client.get(
                        path_of(route, service),
                        query_string={name: str(odd)},
                        headers=signed_in(route, opened),
                    )
                    if answer.status_code >= 500:
                        failed.append((route.path, name, str(odd)[:20]))
        assert failed == []

    def test_in_bodies(self, service: str, opened: Composition) -> None:
        client = client_of(opened)
        failed = []
        for route in opened.app.routes:
            if route.api is None or route.api.body is None:
                continue
            path, headers = path_of(route, service), signed_in(route, opened)
            for body in bodies(route):
                answer = ask(client, route, path, json=body, headers=headers)
                if answer.status_code >= 500:
                    failed.append((route.path, str(body)[:150]))
        assert failed == []


FITTING = {
    "IdField": "11111111-1111-4111-8111-111111111111",
    "Boolean": False,
    "Integer": 1,
    "Date": "2024-12-31",
    "List": [],
}


def bodies(route: Route) -> Iterator[dict[str, Any]]:
    """Bodies in which one field is odd and the others are as likely as a schema alone can tell."""
    assert route.api is not None
    assert route.api.body is not None
    likely = {
        field.data_key or name: FITTING.get(type(field).__name__, "words")
        for name, field in route.api.body.fields.items()
    }
    for name in likely:
        for odd in ODD_VALUES:
            yield {**likely, name: odd}
            yield {name: odd}


def test_what_is_served_is_what_is_checked_in(unopened: Composition) -> None:
    service = unopened.app.service
    served = client_of(unopened).get(f"/api/{service}/openapi.json")
    assert served.status_code == 200
    text = (documents.FOLDER / f"openapi-{service}.json").read_text()
    assert documents._json(served.json) == text


def test_every_path_of_the_site_map_is_served(clock: FixedClock, tmp_path: Path) -> None:
    """Links of one service to another's pages lead somewhere."""
    site_map = import_module("services.contracts.site_map")
    rules = [
        Rule(route.path.replace("<service>", service), methods=route.methods, endpoint=service)
        for service in SERVICES
        for route in composed(service, clock, tmp_path).app.routes
    ]
    adapter = Map(rules, strict_slashes=False).bind("x")
    for path in [link.href for link in site_map.NAVIGATION] + list(site_map.FIRST_PAGE.values()):
        owner = adapter.match(path, method="GET")[0]
        if path != "/operations":
            prefixes = site_map.PREFIXES[owner]
            assert path.startswith(prefixes), path
