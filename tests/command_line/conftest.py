from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from services import __main__ as command_line
from services.chassis import telemetry

SECRET = "a secret of the tests, long enough for anything"


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


Samklang = Callable[..., Said]


@pytest.fixture
def samklang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Samklang:
    """`samklang ARGUMENTS` in an environment of its own, in this process: another would take seconds each.

    Only logging is left as it is, since its configuration would outlive the test.
    """
    monkeypatch.setattr(telemetry, "configure_logging", lambda **_: None)
    for name in (
        "DATABASE_URL",
        "AMQP_URI",
        "SMTP_URL",
        "PORT",
        "HOST",
        "DEMO_PERSONAS",
        "SAMKLANG_PRODUCTION",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SAMKLANG_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("SECRET_KEY", SECRET)

    def run(*arguments: str, **environment: str) -> Said:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                command_line.main(list(arguments))
        written = capsys.readouterr()
        code = ended.value.code
        return Said(code if isinstance(code, int) else 0 if code is None else 1, written.out, written.err)

    return run
