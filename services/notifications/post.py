"""The post: takes finished mails out of the house, by SMTP or into a folder."""

from __future__ import annotations

import os
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from services.notifications.settings import SmtpServer

# For each step of the conversation, not for the whole of it.
SMTP_SECONDS = 15.0


class PostUnavailable(Exception):
    """Nothing can be sent now, whichever mail it is; the text names the kind of problem, and no address."""


class Undelivered(Exception):
    """This one mail was not taken; the text says why without an address. `for_good`: trying again is vain."""

    def __init__(self, reason: str, *, for_good: bool) -> None:
        super().__init__(reason)
        self.for_good = for_good


class Session(Protocol):
    @property
    def is_open(self) -> bool:
        """Whether another mail may follow."""
        ...

    def deliver(self, message_id: str, mail: EmailMessage) -> None:
        """Raises Undelivered, or PostUnavailable."""
        ...


class Post(Protocol):
    """`repeatable`: delivering the same mail again leaves no trace, so a batch may be noted at its end."""

    repeatable: bool

    def session(self) -> AbstractContextManager[Session]:
        """Raises PostUnavailable."""
        ...


class MailFolder:
    """Keeps mails as files, `<message_id>.eml`: the demo's post. Only its own user may read them."""

    repeatable = True
    is_open = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def session(self) -> Iterator[Session]:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise PostUnavailable(type(error).__name__) from error
        yield self

    def deliver(self, message_id: str, mail: EmailMessage) -> None:
        """Whole or not at all: a crash in the middle leaves no half mail behind."""
        unfinished = self._folder / f".{message_id}.new"
        try:
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(mail.as_bytes())
            unfinished.replace(self._folder / f"{message_id}.eml")
        except OSError as error:
            raise PostUnavailable(type(error).__name__) from error


class SmtpPost:
    """Talks to a mail server. What fails before a mail is in hand is the server's fault, and no mail's."""

    repeatable = False

    def __init__(self, server: SmtpServer, own_host: str, seconds: float = SMTP_SECONDS) -> None:
        self._server = server
        self._own_host = own_host  # said in EHLO; asking the resolver for it could take long
        self._seconds = seconds

    @contextmanager
    def session(self) -> Iterator[Session]:
        try:
            connection = self._connect()
        except (OSError, smtplib.SMTPException) as error:
            raise PostUnavailable(_kind(error)) from error
        try:
            yield _SmtpSession(connection)
        finally:
            with suppress(OSError, smtplib.SMTPException):
                connection.quit()
            connection.close()

    def _connect(self) -> smtplib.SMTP:
        server, seconds = self._server, self._seconds
        if server.tls == "implicit":
            context = ssl.create_default_context()
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, self._own_host, timeout=seconds, context=context
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, self._own_host, timeout=seconds)
        try:
            if server.tls == "starttls":
                connection.starttls(context=ssl.create_default_context())
            if server.user:
                connection.login(server.user, server.password)
        except BaseException:
            connection.close()
            raise
        return connection


class _SmtpSession:
    def __init__(self, connection: smtplib.SMTP) -> None:
        self._connection = connection

    @property
    def is_open(self) -> bool:
        return self._connection.sock is not None

    def deliver(self, message_id: str, mail: EmailMessage) -> None:
        try:
            self._connection.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            raise Undelivered(f"recipient refused: {code}", for_good=code >= 500) from error
        except smtplib.SMTPNotSupportedError as error:
            raise Undelivered("the server takes no address with such letters", for_good=True) from error
        except smtplib.SMTPSenderRefused as error:
            # Our own address is at fault, or a quota: no mail should be lost for a setting to mend.
            raise Undelivered(f"sender refused: {error.smtp_code}", for_good=False) from error
        except smtplib.SMTPDataError as error:
            raise Undelivered(f"mail refused: {error.smtp_code}", for_good=error.smtp_code >= 500) from error
        except (OSError, smtplib.SMTPException) as error:
            # Broken off in the middle. It counts for this mail: one that always breaks must not stop others.
            raise Undelivered(f"broken off: {_kind(error)}", for_good=False) from error


def _kind(error: Exception) -> str:
    code = getattr(error, "smtp_code", None)
    return type(error).__name__ + (f" {code}" if code is not None else "")


def post_for(server: SmtpServer | None, folder: Path, sender: Address) -> Post:
    if server is None:
        return MailFolder(folder)
    return SmtpPost(server, sender.domain)
