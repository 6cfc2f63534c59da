"""A letter as a mail: headers and parts, the same bytes every time it is made."""

from __future__ import annotations

from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address, HeaderRegistry
from email.message import EmailMessage
from email.policy import SMTP
from functools import lru_cache
from typing import Any

from services.notifications.domain.addresses import parts_of_address
from services.notifications.letters import LetterWriter
from services.notifications.material import Letter


class _HeaderClasses(HeaderRegistry):
    """The library makes a class for every header of every mail anew, which takes a third of all its time."""

    def __getitem__(self, name: str) -> Any:
        return _header_class(name.lower())


@lru_cache(maxsize=64)
def _header_class(name: str) -> Any:
    return HeaderRegistry()[name]


POLICY = SMTP.clone(header_factory=_HeaderClasses())


class UnusableAddress(Exception):
    """What the contact gave is not an e-mail address."""


def make_mail(
    writer: LetterWriter,
    letter: Letter,
    *,
    message_id: str,
    sender: Address,
    reader_name: str,
    address: str,
    composed_at: datetime,
) -> EmailMessage:
    """Raises UnusableAddress. The Message-ID is the message's own, so that a mail sent again after a crash
    is recognised as the same one by whoever receives both.
    """
    mail = EmailMessage(policy=POLICY)
    mail["Message-ID"] = f"<{message_id}@{sender.domain}>"
    mail["Date"] = composed_at
    mail["From"] = sender
    mail["To"] = _recipient(reader_name, address)
    mail["Subject"] = " ".join(letter.subject.split())
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    mail.set_content(letter.text, cte="quoted-printable")
    mail.add_alternative(writer.document(letter), subtype="html", cte="quoted-printable")
    mail["Content-Language"] = letter.language  # after the content, which clears such headers
    mail.set_boundary(f"=_{message_id}")
    return mail


def _recipient(name: str, address: str) -> Address:
    parts = parts_of_address(address)
    if parts is None:
        raise UnusableAddress
    readable = "".join(character for character in name if character.isprintable())
    try:
        return Address(readable, *parts)
    except (ValueError, HeaderParseError) as error:
        raise UnusableAddress from error
