"""Signed cookies: who is signed in, a form's token against forgery, a message for the next page; tokens."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from typing import Any

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from werkzeug.wrappers import Request, Response

from services.chassis.web.access import ROLES, Actor

SESSION_COOKIE = "samklang_session"
LANGUAGE_COOKIE = "samklang_language"
FLASH_COOKIE = "samklang_flash"
SESSION_SECONDS = 8 * 3600
FORM_SECONDS = 12 * 3600
FLASH_SECONDS = 60
TOKEN_SECONDS = 366 * 86400


class FormExpired(Exception):
    """The form is too old, or of another session: nothing was done."""


@dataclass(frozen=True, slots=True)
class Session:
    """`sid` binds forms to the browser also before anybody is signed in."""

    sid: str
    actor: Actor | None
    is_new: bool = False


class Sessions:
    def __init__(self, secret_key: str, *, secure: bool) -> None:
        self._session = URLSafeTimedSerializer(secret_key, salt="session")
        self._form = URLSafeTimedSerializer(secret_key, salt="form")
        self._flash = URLSafeTimedSerializer(secret_key, salt="flash")
        self._token = URLSafeTimedSerializer(secret_key, salt="api-token")
        self._secure = secure

    def read(self, request: Request) -> Session:
        """The visitor's session; a new anonymous one where there is none, or it is forged or too old."""
        try:
            data = self._session.loads(request.cookies.get(SESSION_COOKIE, ""), max_age=SESSION_SECONDS)
            return Session(str(data["sid"]), _actor(data.get("actor")))
        except (BadSignature, KeyError, TypeError):
            return self.anonymous()

    @staticmethod
    def anonymous() -> Session:
        return Session(secrets.token_urlsafe(16), None, is_new=True)

    def write(self, response: Response, session: Session) -> None:
        actor = asdict(session.actor) if session.actor else None
        self._set(response, SESSION_COOKIE, self._session.dumps({"sid": session.sid, "actor": actor}))

    def sign_in(self, response: Response, actor: Actor) -> None:
        """A new session, so that one planted before the login is worth nothing."""
        self.write(response, Session(secrets.token_urlsafe(16), actor))

    def sign_out(self, response: Response) -> None:
        response.delete_cookie(SESSION_COOKIE)

    def form_token(self, session: Session) -> str:
        return str(self._form.dumps(session.sid))

    def check_form(self, session: Session, token: str | None) -> None:
        """Raises FormExpired."""
        try:
            sid = self._form.loads(token or "", max_age=FORM_SECONDS)
        except (SignatureExpired, BadSignature) as error:
            raise FormExpired from error
        if sid != session.sid:
            raise FormExpired

    def flash(self, response: Response, kind: str, text: str) -> None:
        """A message for the next page."""
        self._set(response, FLASH_COOKIE, self._flash.dumps([kind, text[:500]]), FLASH_SECONDS)

    def flashed(self, request: Request) -> list[dict[str, str]]:
        try:
            kind, text = self._flash.loads(request.cookies.get(FLASH_COOKIE, ""), max_age=FLASH_SECONDS)
        except (BadSignature, ValueError, TypeError):
            return []
        return [{"kind": str(kind), "text": str(text)}]

    def token(self, actor: Actor, days: int) -> str:
        """A bearer token for an API client, bound to a role and a municipality, good for `days`."""
        return str(self._token.dumps({**asdict(actor), "days": days}))

    def actor_of_token(self, token: str) -> Actor | None:
        """Who the token speaks for; None for one that is forged or too old."""
        try:
            data = self._token.loads(token, max_age=TOKEN_SECONDS)
            days = int(data.pop("days"))
            self._token.loads(token, max_age=days * 86400)
            return _actor(data)
        except (BadSignature, KeyError, TypeError, ValueError):
            return None

    def _set(self, response: Response, name: str, value: str, seconds: int | None = None) -> None:
        response.set_cookie(
            name, value, max_age=seconds, httponly=True, samesite="Lax", secure=self._secure, path="/"
        )


def _actor(data: Any) -> Actor | None:
    if not isinstance(data, dict) or data.get("role") not in ROLES:
        return None
    return Actor(**data)
