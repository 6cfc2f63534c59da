"""The sender: takes messages that are due, writes their letters, and hands them to the post.

Three steps, so that no transaction is open while a mail server thinks: claim and compose (one
transaction), deliver (none), note how it went (one). If the process dies between the last two, the claim
runs out and the same mail goes out once more under the same Message-ID.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage

import structlog
from prometheus_client import Counter

from services.chassis.storage.engine import Storage
from services.chassis.storage.unit import Unit
from services.notifications import outgoing
from services.notifications.envelopes import UnusableAddress, make_mail
from services.notifications.letters import LetterWriter
from services.notifications.outgoing import Outgoing, Written
from services.notifications.post import Post, PostUnavailable, Session, Undelivered

SERVICE = "notifications"
BATCH = 50
IDLE_SECONDS = 0.5
# A slow server must not keep a batch longer than the claim holds.
BATCH_SECONDS = 120.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0

MAILS = Counter("samklang_mails_total", "Mails by how an attempt to send them ended", ["service", "outcome"])

log = structlog.get_logger("sender")


@dataclass(frozen=True, slots=True)
class _Ready:
    message_id: str
    attempts: int
    mail: EmailMessage


class Sender:
    def __init__(self, storage: Storage, post: Post, writer: LetterWriter, sender: Address) -> None:
        self._storage = storage
        self._post = post
        self._writer = writer
        self._sender = sender
        self._pause_seconds = 0.0
        self.ran_at = 0.0  # by the monotonic clock

    def run_once(self) -> float:
        """Send a batch. Seconds to rest before the next: 0 while there may be more."""
        self.ran_at = time.monotonic()
        with self._storage.reading() as connection:
            if not outgoing.any_due(connection, self._storage.clock.now()):
                return IDLE_SECONDS
        with self._storage.unit() as unit:
            claimed = outgoing.claim(unit, BATCH)
            written = [letter for each in claimed if (letter := self._write(unit, each)) is not None]
            outgoing.keep_letters(unit, written)
            ready = [mail for each in written if (mail := self._prepare(unit, each)) is not None]
        if not ready:
            return 0.0
        try:
            with self._post.session() as session:
                self._deliver(session, ready)
        except PostUnavailable as error:
            return self._pause(ready, str(error))
        self._pause_seconds = 0.0
        return 0.0

    def _write(self, unit: Unit, message: Outgoing) -> Written | None:
        """The message with its letter; None where none can be written."""
        try:
            letter = message.letter or self._writer.write(message.material)
        except Exception as error:
            # Our own mistake, in this letter only: the others must go out.
            reason = f"cannot be composed: {type(error).__name__}"
            self._undelivered(unit, message.message_id, message.attempts, Undelivered(reason, for_good=False))
            return None
        return Written(message, letter, message.composed_at or unit.now)

    def _prepare(self, unit: Unit, written: Written) -> _Ready | None:
        """The mail; None where there is nothing to send."""
        message = written.message
        if message.address is None:
            outgoing.mark_no_address(unit, message.message_id)
            MAILS.labels(SERVICE, "no_address").inc()
            return None
        try:
            mail = make_mail(
                self._writer,
                written.letter,
                message_id=message.message_id,
                sender=self._sender,
                reader_name=message.reader_name,
                address=message.address,
                composed_at=written.composed_at,
            )
        except UnusableAddress:
            unusable = Undelivered("the address is not an e-mail address", for_good=True)
            self._undelivered(unit, message.message_id, message.attempts, unusable)
            return None
        return _Ready(message.message_id, message.attempts, mail)

    def _deliver(self, session: Session, ready: Sequence[_Ready]) -> None:
        """Raises PostUnavailable; what was not tried by then is still claimed."""
        began = time.monotonic()
        sent: list[str] = []
        for position, each in enumerate(ready):
            if time.monotonic() - began > BATCH_SECONDS:
                self._note_sent(sent)
                self._release(ready[position:])
                return
            try:
                session.deliver(each.message_id, each.mail)
            except Undelivered as error:
                self._note_sent(sent)
                sent = []
                with self._storage.unit() as unit:
                    self._undelivered(unit, each.message_id, each.attempts, error)
                if not session.is_open:
                    self._release(ready[position + 1 :])
                    return
                continue
            sent.append(each.message_id)
            if not self._post.repeatable:
                self._note_sent(sent)
                sent = []
        self._note_sent(sent)

    def _note_sent(self, message_ids: Sequence[str]) -> None:
        if message_ids:
            with self._storage.unit() as unit:
                outgoing.mark_sent(unit, message_ids)
            MAILS.labels(SERVICE, "sent").inc(len(message_ids))

    def _release(self, messages: Sequence[_Ready]) -> None:
        with self._storage.unit() as unit:
            outgoing.release(unit, [each.message_id for each in messages])

    def _undelivered(self, unit: Unit, message_id: str, attempts: int, error: Undelivered) -> None:
        given_up = outgoing.mark_undelivered(
            unit, message_id, attempts + 1, str(error), for_good=error.for_good
        )
        MAILS.labels(SERVICE, "failed" if given_up else "put_off").inc()
        log.warning(
            "mail_failed" if given_up else "mail_put_off",
            message_id=message_id,
            attempts=attempts + 1,
            reason=str(error),
        )

    def _pause(self, ready: Sequence[_Ready], reason: str) -> float:
        """The post is away: no mail is to blame, so none is counted; all wait for it to come back."""
        self._release(ready)
        self._pause_seconds = min(max(self._pause_seconds * 2, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
        log.warning("post_unavailable", reason=reason, rest_seconds=self._pause_seconds)
        return self._pause_seconds
