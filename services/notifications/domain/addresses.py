"""What an e-mail address looks like."""

from __future__ import annotations

import re

# One @ with something on either side, and nothing that means more in a mail's header (RFC 5322, "specials").
# Letters outside ASCII are allowed (RFC 6531); whether a server takes them is for it to say.
_ADDRESS = re.compile(r"[^\s@<>()\[\]\\,;:\"]+@[^\s@<>()\[\]\\,;:\"]+")


def parts_of_address(text: str) -> tuple[str, str] | None:
    """The part before the @ and the domain; None for what is no address."""
    if not text.isprintable() or _ADDRESS.fullmatch(text) is None:
        return None
    local, _, domain = text.partition("@")
    return local, domain
