"""A browser's view of a service in a test: cookies, forms, and who is signed in."""

from __future__ import annotations

from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Response

from services.chassis.process import Composition
from services.chassis.web.access import Actor
from services.chassis.web.app import FrontDoor
from services.chassis.web.session import SESSION_COOKIE, Session, Sessions

__all__ = ["TestResponse", "bearer", "client_of", "sign_in"]


def client_of(composition: Composition) -> Client:
    return Client(FrontDoor([composition.app]), Response)


def sessions_of(composition: Composition) -> Sessions:
    return composition.app.sessions


def sign_in(
    client: Client,
    composition: Composition,
    *,
    role: str,
    municipality: str,
    person_id: str | None = None,
    name: str = "Test",
) -> str:
    """Sign in and return the CSRF token that forms of this session carry."""
    session = Session("test-session", Actor(name, role, municipality, "", person_id))
    response = Response()
    composition.app.sessions.write(response, session)
    cookie = response.headers["Set-Cookie"].split(";")[0].partition("=")[2]
    client.set_cookie(SESSION_COOKIE, cookie)
    return composition.app.sessions.form_token(session)


def bearer(
    composition: Composition, *, role: str, municipality: str, person_id: str | None = None
) -> dict[str, str]:
    """Headers of an API client with a token."""
    token = composition.app.sessions.token(Actor("API", role, municipality, "", person_id), days=1)
    return {"Authorization": f"Bearer {token}"}
