"""A post that remembers, and fails when it is told to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage

from services.chassis.storage.engine import Storage
from services.notifications.letters import LetterWriter
from services.notifications.post import PostUnavailable, Session
from services.notifications.sender import Sender
from services.notifications.settings import Address

SENDER = Address("Samklang", "no-reply", "samklang.example")


class RememberingPost:
    repeatable = False

    def __init__(self) -> None:
        self.sent: list[EmailMessage] = []
        self.fail: Callable[[EmailMessage], Exception | None] = lambda mail: None
        self.away = False
        self.is_open = True
        self.before: Callable[[], None] = lambda: None

    @contextmanager
    def session(self) -> Iterator[Session]:
        if self.away:
            raise PostUnavailable("ConnectionRefusedError")
        self.is_open = True
        yield self

    def deliver(self, message_id: str, mail: EmailMessage) -> None:
        self.before()
        error = self.fail(mail)
        if error is not None:
            raise error
        self.sent.append(mail)


def make_sender(storage: Storage, post: RememberingPost) -> Sender:
    return Sender(storage, post, LetterWriter("http://127.0.0.1:8000"), SENDER)


def send_all(sender: Sender) -> None:
    while sender.run_once() == 0:
        pass


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())
