"""What SMTP_URL and MAIL_FROM may say, and what is said to whoever writes something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.chassis.settings import Settings, SettingsError, read_settings
from services.notifications.settings import SmtpServer, mail_settings


def settings(tmp_path: Path, **environment: str) -> Settings:
    return read_settings("notifications", {"SAMKLANG_VAR": str(tmp_path), **environment})


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail", SmtpServer("mail", 25, "none")),
        ("smtp://mail:2525", SmtpServer("mail", 2525, "none")),
        ("smtp://mail?starttls=1", SmtpServer("mail", 587, "starttls")),
        ("smtp://a%40b:p%2Fw@mail:25?starttls=1", SmtpServer("mail", 25, "starttls", "a@b", "p/w")),
        ("smtps://mail", SmtpServer("mail", 465, "implicit")),
        ("smtps://u:p@[::1]:4650", SmtpServer("::1", 4650, "implicit", "u", "p")),
    ],
)
def test_addresses_of_mail_servers(tmp_path: Path, url: str, server: SmtpServer) -> None:
    assert mail_settings(settings(tmp_path, SMTP_URL=url)).smtp == server


@pytest.mark.parametrize(
    "url",
    ["mail:25", "http://mail", "smtp://", "smtp://u:s3cret@mail:port", "smtp://u:s3cret@mail?starttls=yes"],
)
def test_what_is_no_address_of_a_mail_server_is_refused_without_its_password(
    tmp_path: Path, url: str
) -> None:
    with pytest.raises(SettingsError, match="SMTP_URL") as caught:
        mail_settings(settings(tmp_path, SMTP_URL=url))
    assert "s3cret" not in str(caught.value)


def test_without_a_server_mail_is_kept(tmp_path: Path) -> None:
    assert mail_settings(settings(tmp_path)).smtp is None


def test_a_password_is_in_no_repr(tmp_path: Path) -> None:
    assert "s3cret" not in repr(mail_settings(settings(tmp_path, SMTP_URL="smtps://u:s3cret@mail")))


def test_production_sends_no_password_in_the_clear(tmp_path: Path) -> None:
    production = {
        "SAMKLANG_PRODUCTION": "1",
        "SECRET_KEY": "k" * 40,
        "DATABASE_URL": "postgresql+psycopg2://db/{service}",
        "AMQP_URI": "amqp://broker",
    }
    with pytest.raises(SettingsError, match="no encryption"):
        mail_settings(settings(tmp_path, **production, SMTP_URL="smtp://u:p@mail"))
    assert (
        mail_settings(settings(tmp_path, **production, SMTP_URL="smtp://u:p@mail?starttls=1")).smtp
        is not None
    )


@pytest.mark.parametrize(
    ("environment", "sender"),
    [
        ({}, "Samklang <no-reply@samklang.example>"),
        ({"PUBLIC_URL": "https://kurser.example.se"}, "Samklang <no-reply@kurser.example.se>"),
        ({"PUBLIC_URL": "http://localhost:8000"}, "Samklang <no-reply@samklang.example>"),
        ({"MAIL_FROM": "kulturskolan@example.se"}, "Samklang <kulturskolan@example.se>"),
        ({"MAIL_FROM": "Våra kurser <k@example.se>"}, "Våra kurser <k@example.se>"),
    ],
)
def test_who_mail_is_from(tmp_path: Path, environment: dict[str, str], sender: str) -> None:
    assert str(mail_settings(settings(tmp_path, **environment)).sender) == sender


@pytest.mark.parametrize("given", ["nobody", "<>", "a@", "x\r\nBcc: y@example.se"])
def test_a_sender_that_is_no_address_is_refused(tmp_path: Path, given: str) -> None:
    with pytest.raises(SettingsError, match="MAIL_FROM"):
        mail_settings(settings(tmp_path, MAIL_FROM=given))
