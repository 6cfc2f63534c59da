"""A real SMTP server in a process of its own: `python smtp_server.py FOLDER [CERTIFICATE KEY MODE]`.

It says its port on standard output and keeps each mail as a file. Recipients choose what it does:
`refused@` 550, `later@` 450, `spam@` 554 after the data, `hangup@` breaks off in the middle of the data.
MODE is `starttls` (required, with a login) or `implicit`.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "samklang", "p@ss/word"


class Keeper:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answers = {"refused": f"550 no such user {address}", "later": f"450 greylisted {address}"}
        answer = answers.get(address.partition("@")[0])
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        who = envelope.rcpt_tos[0].partition("@")[0]
        if who == "spam":
            return "554 we do not like this"
        if who == "hangup":
            server.transport.close()
            return "250 OK"
        name = self._folder / f"{next(self._numbers):04d}.eml"
        name.with_suffix(".new").write_bytes(envelope.original_content or b"")
        name.with_suffix(".new").replace(name)
        name.with_suffix(".to").write_text(f"{envelope.mail_from} {','.join(envelope.rcpt_tos)}")
        return "250 OK"


def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, login: Any) -> AuthResult:
    right = isinstance(login, LoginPassword) and login == LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


async def main(folder: Path, certificate: str = "", key: str = "", mode: str = "") -> None:
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    starttls = mode == "starttls"

    def serve() -> SMTP:
        return SMTP(
            Keeper(folder),
            enable_SMTPUTF8=True,
            tls_context=context if starttls else None,
            require_starttls=starttls,
            auth_required=starttls,
            authenticator=authenticate if starttls else None,
        )

    loop = asyncio.get_running_loop()
    tls = context if mode == "implicit" else None
    server = await loop.create_server(serve, "127.0.0.1", 0, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 (said to the test)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
