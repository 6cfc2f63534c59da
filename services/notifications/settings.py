"""Settings of mail: SMTP_URL says where it goes, MAIL_FROM who it is from."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.utils import parseaddr
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from services.chassis.settings import Settings, SettingsError
from services.notifications.domain.addresses import parts_of_address

SENDER_NAME = "Samklang"
# Reserved by RFC 2606: nobody is reached by it, and nobody else's name is taken.
NOBODYS_DOMAIN = "samklang.example"
HOW_TO_WRITE = "write smtp://[user:password@]host[:port][?starttls=1] or smtps://…"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """`tls` is `none`, `starttls` or `implicit`. An empty user means no login."""

    host: str
    port: int
    tls: str
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class MailSettings:
    """`smtp` None: mail is kept as files in `var` and no mail leaves the machine."""

    smtp: SmtpServer | None
    sender: Address


def mail_settings(settings: Settings) -> MailSettings:
    """Raises SettingsError, which never holds the password."""
    smtp = _smtp_server(settings.smtp_url) if settings.smtp_url else None
    if settings.production and smtp is not None and smtp.user and smtp.tls == "none":
        raise SettingsError("SMTP_URL has a password and no encryption: add ?starttls=1, or write smtps://…")
    return MailSettings(smtp, _sender(settings))


def _smtp_server(url: str) -> SmtpServer:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = None, None
    if parts is None or parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise SettingsError(f"SMTP_URL is not the address of a mail server: {HOW_TO_WRITE}.")
    tls = _tls(parts)
    usual_port = {"none": 25, "starttls": 587, "implicit": 465}[tls]
    return SmtpServer(
        parts.hostname, port or usual_port, tls, unquote(parts.username or ""), unquote(parts.password or "")
    )


def _tls(parts: SplitResult) -> str:
    starttls = parse_qs(parts.query, keep_blank_values=True).get("starttls", ["0"])[-1]
    if starttls not in ("0", "1"):
        raise SettingsError(f"SMTP_URL: starttls is 0 or 1; {HOW_TO_WRITE}.")
    if parts.scheme == "smtps":
        return "implicit"
    return "starttls" if starttls == "1" else "none"


def _sender(settings: Settings) -> Address:
    given = settings.environment.get("MAIL_FROM", "")
    if not given:
        return Address(SENDER_NAME, "no-reply", _domain_of(settings.public_url))
    name, address = parseaddr(given)
    parts = parts_of_address(address) if given.isprintable() else None
    if parts is None:
        raise SettingsError("MAIL_FROM is not an e-mail address: write Samklang <no-reply@example.se>.")
    return Address(name or SENDER_NAME, *parts)


def _domain_of(public_url: str) -> str:
    """The host that families know the service by, where it is a name that mail can come from."""
    host = urlsplit(public_url).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host if "." in host else NOBODYS_DOMAIN
    return NOBODYS_DOMAIN
