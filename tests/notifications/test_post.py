"""Mail on its way out of the house: into a folder, and to a real SMTP server."""

from __future__ import annotations

import email
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import eventlet
import pytest

from services.chassis.storage.engine import Storage
from services.notifications.envelopes import make_mail
from services.notifications.letters import LetterWriter
from services.notifications.material import Letter
from services.notifications.post import MailFolder, PostUnavailable, SmtpPost, Undelivered
from services.notifications.sender import Sender
from services.notifications.settings import SmtpServer
from tests.notifications.doubles import SENDER, send_all
from tests.notifications.smtp_server import PASSWORD, USER
from tests.notifications.story import ALMA, FIDDLE, MARIA, all_messages, changed, offered, place, tell

LETTER = Letter(
    "sv", "Noor har fått en plats: Lera i rörelse", "Hej Åsa!\n\nVälkommen.\n.\nSlut\n", "<p>Hej Åsa!</p>"
)
WRITER = LetterWriter("http://127.0.0.1:8000")


def mail(address: str = "maria@example.se", message_id: str = "m1") -> EmailMessage:
    return make_mail(
        WRITER,
        LETTER,
        message_id=message_id,
        sender=SENDER,
        reader_name="Åsa Öberg",
        address=address,
        composed_at=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
    )


@dataclass(frozen=True)
class Server:
    port: int
    folder: Path

    def received(self) -> list[EmailMessage]:
        files = sorted(self.folder.glob("*.eml"))
        return [email.message_from_bytes(file.read_bytes(), policy=SMTP) for file in files]  # type: ignore[misc]


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[Server]:
    folder.mkdir()
    script = Path(__file__).parent / "smtp_server.py"
    process = subprocess.Popen(
        [sys.executable, str(script), str(folder), *arguments], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield Server(int(process.stdout.readline()), folder)
    finally:
        process.terminate()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path / "received") as server:
        yield server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = str(folder / "cert.pem"), str(folder / "key.pem")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


def smtp(port: int, tls: str = "none", user: str = "", password: str = "", seconds: float = 5) -> SmtpPost:
    host = "127.0.0.1" if tls == "none" else "localhost"
    return SmtpPost(SmtpServer(host, port, tls, user, password), "samklang.example", seconds)


def test_a_mail_arrives_whole(server: Server) -> None:
    with smtp(server.port).session() as session:
        session.deliver("m1", mail())
        session.deliver("m2", mail(message_id="m2"))
    first, second = server.received()
    assert first["Subject"] == LETTER.subject
    assert first["To"] == "Åsa Öberg <maria@example.se>"
    assert first["Message-ID"] == "<m1@samklang.example>"
    assert second["Message-ID"] == "<m2@samklang.example>"
    plain, html = first.get_body(("plain",)), first.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n") == LETTER.text
    assert "<p>Hej Åsa!</p>" in html.get_content()
    assert (server.folder / "0001.to").read_text() == "no-reply@samklang.example maria@example.se"


def test_an_address_with_other_letters_arrives(server: Server) -> None:
    with smtp(server.port).session() as session:
        session.deliver("m1", mail("åsa@example.se"))
    assert (server.folder / "0001.to").read_text() == "no-reply@samklang.example åsa@example.se"


@pytest.mark.parametrize(
    ("who", "reason", "for_good"),
    [
        ("refused", "recipient refused: 550", True),
        ("later", "recipient refused: 450", False),
        ("spam", "mail refused: 554", True),
    ],
)
def test_a_refusal_says_its_code_and_no_address_and_others_follow(
    server: Server, who: str, reason: str, for_good: bool
) -> None:
    with smtp(server.port).session() as session:
        with pytest.raises(Undelivered) as caught:
            session.deliver("m1", mail(f"{who}@example.se"))
        assert (str(caught.value), caught.value.for_good, session.is_open) == (reason, for_good, True)
        session.deliver("m2", mail(message_id="m2"))
    assert [received["Message-ID"] for received in server.received()] == ["<m2@samklang.example>"]


def test_a_server_that_hangs_up_in_the_middle_ends_the_session(server: Server) -> None:
    with smtp(server.port).session() as session:
        with pytest.raises(Undelivered, match="broken off: SMTPServerDisconnected") as caught:
            session.deliver("m1", mail("hangup@example.se"))
        assert not caught.value.for_good
        assert not session.is_open


def test_nobody_listening_is_the_post_s_fault() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(PostUnavailable, match="ConnectionRefusedError"), smtp(port).session():
        pass


def test_a_server_that_never_speaks_is_given_up_and_stops_nobody_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ticks = []
        ticker = eventlet.spawn(lambda: [(eventlet.sleep(0.05), ticks.append(1)) for _ in range(100)])
        with pytest.raises(PostUnavailable), smtp(silent.getsockname()[1], seconds=0.5).session():
            pass
        ticker.kill()
    assert len(ticks) > 3


def test_starttls_and_login(
    tmp_path: Path, certificate: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certificate[0])
    with running(tmp_path / "received", *certificate, "starttls") as server:
        with smtp(server.port, "starttls", USER, PASSWORD).session() as session:
            session.deliver("m1", mail())
        assert len(server.received()) == 1
        wrong = smtp(server.port, "starttls", USER, "wrong")
        with pytest.raises(PostUnavailable, match="SMTPAuthenticationError 535"), wrong.session():
            pass


def test_tls_from_the_start(
    tmp_path: Path, certificate: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certificate[0])
    with running(tmp_path / "received", *certificate, "implicit") as server:
        with smtp(server.port, "implicit").session() as session:
            session.deliver("m1", mail())
        assert len(server.received()) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(
    tmp_path: Path, certificate: tuple[str, str]
) -> None:
    with running(tmp_path / "received", *certificate, "starttls") as server:
        untrusted = smtp(server.port, "starttls", USER, PASSWORD)
        with pytest.raises(PostUnavailable, match="SSLCertVerificationError"), untrusted.session():
            pass
        assert server.received() == []


def test_no_encryption_is_no_way_round_starttls(server: Server) -> None:
    with (
        pytest.raises(PostUnavailable, match="SMTPNotSupportedError"),
        smtp(server.port, "starttls").session(),
    ):
        pass


def test_the_whole_way_from_the_fact_to_the_mailbox(
    make_storage: Callable[[str], Storage], server: Server
) -> None:
    storage = make_storage("notifications")
    refused = changed(MARIA, person_id="other", email="refused@example.se")
    tell(storage, FIDDLE, ALMA, refused, offered("a2", guardian="other"), MARIA, place())
    sender = Sender(storage, smtp(server.port), WRITER, SENDER)
    send_all(sender)
    assert [received["Subject"] for received in server.received()] == ["Alma har fått en plats: Lördagsfiol"]
    assert [(row.state, row.failure) for row in all_messages(storage)] == [
        ("failed", "recipient refused: 550"),
        ("sent", None),
    ]


def test_the_folder_keeps_a_mail_once_and_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "var" / "mail"
    for _ in range(2):
        with MailFolder(folder).session() as session:
            session.deliver("m1", mail())
    assert [file.name for file in folder.iterdir()] == ["m1.eml"]
    kept = folder / "m1.eml"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    parsed = email.message_from_bytes(kept.read_bytes(), policy=SMTP)
    assert parsed["Subject"] == LETTER.subject


def test_a_folder_that_cannot_be_written_is_the_post_s_fault(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file stands in the way")
    with pytest.raises(PostUnavailable, match="FileExistsError"), MailFolder(tmp_path / "mail").session():
        pass


def test_the_same_letter_makes_the_same_bytes() -> None:
    assert mail().as_bytes() == mail().as_bytes()
