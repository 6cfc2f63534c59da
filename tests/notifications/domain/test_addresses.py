"""Addresses that mail can go to, and texts that only look like one."""

import pytest

from services.notifications.domain.addresses import parts_of_address


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("maria@example.se", ("maria", "example.se")),
        ("a.b+kurs@mail.example.se", ("a.b+kurs", "mail.example.se")),
        ("åsa@räksmörgås.se", ("åsa", "räksmörgås.se")),
    ],
)
def test_addresses(text: str, parts: tuple[str, str]) -> None:
    assert parts_of_address(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "maria",
        "@example.se",
        "maria@",
        "a@b@c",
        "a b@c.se",
        "a@c.se\r\nBcc: x@y.se",
        "<a@c.se>",
        "a,b@c.se",
        "a\x00@c.se",
    ],
)
def test_no_addresses(text: str) -> None:
    assert parts_of_address(text) is None
