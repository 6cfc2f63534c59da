"""Settings of a process, read once from the environment. Every default is the embedded one."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from services.chassis.municipality import is_county_code

COUNTY_FOLDER = Path(__file__).parents[2] / "deploy" / "county" / "vastmanland"


class SettingsError(Exception):
    """The environment does not make a working service; the text says which variable, and what to do."""


@dataclass(frozen=True)
class Settings:
    """What every service needs. Secrets are kept out of its repr."""

    service: str
    database_url: str = field(repr=False)
    amqp_uri: str = field(repr=False)
    secret_key: str = field(repr=False)
    smtp_url: str = field(repr=False)  # empty: mail is kept in `var` and shown on the demo mail page
    production: bool
    var: Path
    host: str
    port: int
    public_url: str
    county_code: str
    personas_file: Path | None
    # How long facts are kept after everybody has had them. A reader that is restored from a backup, or new,
    # is caught up from the fact log: it reaches back as long as these days.
    fact_log_days: int
    inbox_days: int
    # Read from the environment once more by a service's own settings.
    environment: Mapping[str, str] = field(repr=False, default_factory=dict)


def read_settings(service: str, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings of `service`. Raises SettingsError.

    DATABASE_URL may hold `{service}`, so that one environment serves all four services. What is set to
    nothing counts as not set, but for DEMO_PERSONAS: that turns the demo login off.
    """
    source = dict(os.environ if environment is None else environment)
    env = _Reader(source)
    var = Path(env.text("SAMKLANG_VAR", "var")).resolve()
    production = env.flag("SAMKLANG_PRODUCTION", False)
    default_personas = "" if production else str(COUNTY_FOLDER / "personas.yaml")
    personas = source.get("DEMO_PERSONAS", default_personas)
    port = env.port("PORT", 8000)
    settings = Settings(
        service=service,
        database_url=env.kind_of_url(
            "DATABASE_URL", f"sqlite:///{var}/{{service}}.db", ("postgresql+psycopg2://", "sqlite:///")
        ).replace("{service}", service),
        amqp_uri=env.kind_of_url("AMQP_URI", "memory://", ("amqp://", "amqps://", "memory://")),
        secret_key=env.text("SECRET_KEY", "") or _kept_secret(var, production),
        smtp_url=env.text("SMTP_URL", ""),
        production=production,
        var=var,
        host=env.text("HOST", "127.0.0.1"),
        port=port,
        public_url=env.address("PUBLIC_URL", f"http://127.0.0.1:{port}"),
        county_code=env.county("COUNTY_CODE", "19"),
        personas_file=Path(personas) if personas else None,
        fact_log_days=env.days("FACT_LOG_DAYS", 730),
        inbox_days=env.days("INBOX_DAYS", 90),
        environment=source,
    )
    if production:
        _refuse_demo(settings)
    return settings


def _refuse_demo(settings: Settings) -> None:
    if settings.personas_file is not None:
        raise SettingsError(
            "DEMO_PERSONAS lets anybody be anybody: production mode does not start with it. Unset it."
        )
    if len(settings.secret_key) < 32:
        raise SettingsError("SECRET_KEY must be at least 32 characters in production mode.")
    if settings.database_url.startswith("sqlite") or settings.amqp_uri.startswith("memory"):
        raise SettingsError("Production mode needs DATABASE_URL (PostgreSQL) and AMQP_URI (RabbitMQ).")
    if not settings.smtp_url:
        raise SettingsError("Production mode needs SMTP_URL: mail kept in a folder reaches nobody.")


def _kept_secret(var: Path, production: bool) -> str:
    """A secret made on the first run and kept in `var`, so that a restart logs nobody out."""
    if production:
        return ""
    file = var / "secret_key"
    try:
        if not file.exists():
            _make_secret(file)
        secret = file.read_text().strip()
    except OSError as error:
        raise SettingsError(f"SAMKLANG_VAR is {var}, where nothing can be kept: {error.strerror}.") from error
    if len(secret) < 32:
        raise SettingsError(f"{file} holds no secret. Remove it, and a new one is made.")
    return secret


def _make_secret(file: Path) -> None:
    """Whole or not at all, also when processes start together: the first one's secret is everybody's."""
    file.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp's files are for their owner only.
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix="secret_key.")
    with os.fdopen(descriptor, "w") as handle:
        handle.write(secrets.token_urlsafe(48))
    try:
        os.link(name, file)
    except FileExistsError:
        pass
    finally:
        os.unlink(name)


class _Reader:
    """Strict reading of a mapping; environs reads only the process' own environment."""

    def __init__(self, source: Mapping[str, str]) -> None:
        self._source = source

    def text(self, name: str, default: str) -> str:
        return self._source.get(name) or default

    def days(self, name: str, default: int) -> int:
        value = self.text(name, str(default))
        if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 36_500:
            raise SettingsError(f"{name} is {value!r}: write a whole number of days, from 1.")
        return int(value)

    def address(self, name: str, default: str) -> str:
        value = self.text(name, default).rstrip("/")
        if not value.startswith(("http://", "https://")):
            raise SettingsError(f"{name} is {value!r}: write the whole address, https://kurser.example.se.")
        return value

    def kind_of_url(self, name: str, default: str, kinds: tuple[str, ...]) -> str:
        value = self.text(name, default)
        if not value.startswith(kinds):
            # Without the value, which may hold a password.
            raise SettingsError(f"{name} must start with {' or '.join(kinds)}")
        return value

    def county(self, name: str, default: str) -> str:
        value = self.text(name, default)
        if not is_county_code(value):
            raise SettingsError(f"{name} is {value!r}: write the county's two digits.")
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self.text(name, "1" if default else "0")
        if value.lower() in ("1", "true", "yes", "on"):
            return True
        if value.lower() in ("0", "false", "no", "off"):
            return False
        raise SettingsError(f"{name} is {value!r}: write 1 or 0.")

    def port(self, name: str, default: int) -> int:
        value = self.text(name, str(default))
        if re.fullmatch("[0-9]{1,5}", value) is None or not 0 < int(value) < 65536:
            raise SettingsError(f"{name} is {value!r}: write a port number from 1 to 65535.")
        return int(value)
