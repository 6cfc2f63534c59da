"""What each command does, and that an error is one line that says what to do, with exit code 2."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.settings import COUNTY_FOLDER
from services.chassis.storage import inbox
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import outbox
from services.chassis.storage.tables import parked_actions as actions
from services.chassis.web.access import Actor
from services.chassis.web.session import Sessions
from services.command_line import documents
from services.contracts.registry import SERVICES
from tests.command_line.conftest import SECRET, Said, Samklang


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of migrated databases that tests copy."""
    return tmp_path_factory.mktemp("migrated") / "var"


@pytest.fixture
def var(migrated: Path, tmp_path: Path, samklang: Samklang) -> Path:
    """The folder of `samklang`, its databases migrated."""
    if not migrated.exists():
        done = samklang("migrate", SAMKLANG_VAR=str(migrated))
        assert done.code == 0, done.err
    shutil.copytree(migrated, tmp_path / "var", dirs_exist_ok=True)
    return tmp_path / "var"


@pytest.fixture
def catalogue(var: Path, clock: FixedClock) -> Storage:
    return Storage(f"sqlite:///{var}/catalogue.db", clock)


def refused(said: Said, text: str) -> None:
    """One line, exit code 2."""
    assert said.code == 2, said
    assert text in said.err
    assert len(said.err.splitlines()) == 1, said.err
    assert said.out == ""


class TestToken:
    @pytest.mark.parametrize(
        ("arguments", "actor"),
        [
            (["--role", "staff", "--municipality", "1980"], Actor("API client", "staff", "1980")),
            (["--role", "finance", "--municipality", "19"], Actor("API client", "finance", "19")),
            (
                ["--role", "guardian", "--municipality", "1962", "--person", "g-1", "--name", "Maria"],
                Actor("Maria", "guardian", "1962", "", "g-1"),
            ),
        ],
    )
    def test_it_speaks_for_whom_it_was_made(
        self, samklang: Samklang, arguments: list[str], actor: Actor
    ) -> None:
        said = samklang("token", *arguments)
        assert said.code == 0
        assert Sessions(SECRET, secure=True).actor_of_token(said.out.strip()) == actor
        assert Sessions(SECRET + "!", secure=True).actor_of_token(said.out.strip()) is None

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--role", "queen", "--municipality", "19"], "queen is no role; roles are guardian, pupil"),
            (["--role", "staff", "--municipality", "Norberg"], "Norberg is neither a municipality's"),
            (["--role", "guardian", "--municipality", "1962"], "a token for a guardian needs --person"),
            (["--role", "pupil", "--municipality", "1962"], "a token for a pupil needs --person"),
        ],
    )
    def test_it_is_bound_to_somebody(self, samklang: Samklang, arguments: list[str], said: str) -> None:
        refused(samklang("token", *arguments), said)

    @pytest.mark.parametrize("days", ["0", "367", "x"])
    def test_it_ends_within_a_year(self, samklang: Samklang, days: str) -> None:
        said = samklang("token", "--role", "staff", "--municipality", "1980", "--days", days)
        assert (said.code, said.out) == (2, "")
        assert "--days" in said.err


class TestMigrate:
    def test_all_databases_and_again(self, samklang: Samklang) -> None:
        for _ in range(2):
            said = samklang("migrate")
            assert said.code == 0
            assert [line.split()[4] for line in said.out.splitlines()] == list(SERVICES)

    def test_one(self, samklang: Samklang, tmp_path: Path) -> None:
        assert samklang("migrate", "billing").code == 0
        assert [file.name for file in (tmp_path / "var").glob("*.db")] == ["billing.db"]

    def test_no_such_service(self, samklang: Samklang) -> None:
        said = samklang("migrate", "payroll")
        assert (said.code, said.out) == (2, "")
        assert "'payroll' is not one of" in said.err


NO_DATABASE = "postgresql+psycopg2://samklang:s3cret@127.0.0.1:1/{service}"


@pytest.mark.parametrize(
    "command",
    [["migrate"], ["check"], ["parked", "list"], ["load"], ["serve", "billing"]],
    ids=lambda command: command[0],
)
class TestDatabases:
    def test_one_that_does_not_answer(self, samklang: Samklang, command: list[str]) -> None:
        said = samklang(*command, DATABASE_URL=NO_DATABASE)
        refused(said, "does not answer")
        assert "s3cret" not in said.err

    def test_one_that_is_not_at_this_release(self, samklang: Samklang, command: list[str]) -> None:
        if command != ["migrate"]:
            refused(samklang(*command), "is not at this release: run `samklang migrate")

    def test_one_for_all_services(self, samklang: Samklang, command: list[str], tmp_path: Path) -> None:
        # They would read each other's outbox as their own.
        if command[0] != "serve":
            said = samklang(*command, DATABASE_URL=f"sqlite:///{tmp_path}/all.db")
            refused(said, "DATABASE_URL needs {service} in it")

    def test_settings_that_make_no_service(self, samklang: Samklang, command: list[str]) -> None:
        refused(samklang(*command, PORT="http"), "PORT is 'http': write a port number")
        refused(samklang(*command, SAMKLANG_PRODUCTION="1"), "needs DATABASE_URL")


class TestLoad:
    def recorded(self, var: Path) -> list[int]:
        """How many facts each service has recorded."""
        counts = []
        for service in SERVICES:
            with sqlite3.connect(var / f"{service}.db") as connection:
                counts.append(connection.execute("SELECT count(*) FROM outbox").fetchone()[0])
        return counts

    def test_twice_changes_nothing(self, samklang: Samklang, var: Path) -> None:
        assert samklang("load").out == "samklang: the county is loaded\n"
        first = self.recorded(var)
        assert first[0] > 100
        assert samklang("load").code == 0
        assert self.recorded(var) == first
        assert samklang("check", "--service", "catalogue").out == "check: ok\n"

    def test_no_county(self, samklang: Samklang, var: Path, tmp_path: Path) -> None:
        refused(samklang("load", str(tmp_path / "nowhere")), "is no county's folder: it has no county.yaml")
        refused(samklang("run", "--county", str(tmp_path)), "is no county's folder: it has no county.yaml")

    @pytest.mark.parametrize(
        ("file", "content", "said"),
        [
            ("courses.csv", None, "No such file"),
            ("courses.csv", b"a,b\n1,2\n", "lacks the column"),
            ("courses.csv", b"\xff\xfe", "cannot be loaded"),
            ("county.yaml", b"name: [", "while parsing"),
            ("county.yaml", b"name: x\n", "'code'"),
            ("rulebooks.yaml", b"- {code: '1980'}\n", "cannot be loaded"),
            ("municipalities.csv", b"a,b\n1,2\n", "'code'"),
            ("populations.csv", b"a,b\n1,2\n", "the columns must be"),
        ],
    )
    def test_a_broken_county_is_one_line(
        self, samklang: Samklang, var: Path, tmp_path: Path, file: str, content: bytes | None, said: str
    ) -> None:
        folder = tmp_path / "county"
        shutil.copytree(COUNTY_FOLDER, folder)
        (folder / file).unlink() if content is None else (folder / file).write_bytes(content)
        refused(samklang("load", str(folder)), said)


class TestCheck:
    def test_all_is_well(self, samklang: Samklang, var: Path) -> None:
        said = samklang("check")
        assert (said.code, said.out, said.err) == (0, "check: ok\n", "")

    def test_a_broken_invariant(self, samklang: Samklang, catalogue: Storage) -> None:
        assert samklang("load").code == 0
        with catalogue.unit() as unit:
            unit.execute(sa.delete(outbox).where(outbox.c.sequence == 3))
        said = samklang("check", "--service", "catalogue")
        assert said.code == 1
        assert said.out == "catalogue: the fact log of catalogue has a gap\ncheck: 1 broken\n"
        assert samklang("check", "--service", "billing").out == "check: ok\n"


class TestParked:
    @pytest.fixture
    def message_id(self, catalogue: Storage) -> str:
        inbox.store(catalogue, [b"no fact at all"])
        with catalogue.reading() as connection:
            found: str = connection.execute(sa.text("SELECT message_id FROM inbox")).scalar_one()
        return found

    def test_listed_without_its_contents_and_shown_with_them(
        self, samklang: Samklang, message_id: str
    ) -> None:
        (line,) = samklang("parked", "list").out.splitlines()
        assert line.startswith(f"catalogue {message_id} ")
        assert "no fact at all" not in line
        assert samklang("parked", "list", "--service", "billing").out == ""
        assert "no fact at all" in samklang("parked", "show", "catalogue", message_id).out

    def test_set_aside_with_who_and_why(
        self, samklang: Samklang, message_id: str, catalogue: Storage
    ) -> None:
        discard = ("parked", "discard", "catalogue", message_id, "--reason", "not ours")
        assert samklang(*discard).out == "samklang: the fact is set aside\n"
        assert samklang("parked", "list").out == ""
        with catalogue.reading() as connection:
            note = connection.execute(sa.select(actions)).one()
        assert (note.action, note.reason) == ("discard", "not ours")
        assert note.by.startswith("command line: ")
        refused(samklang(*discard), "There is no parked fact with this id.")

    def test_what_cannot_be_done(self, samklang: Samklang, message_id: str) -> None:
        refused(
            samklang("parked", "replay", "catalogue", message_id, "--reason", "x"), "is no fact that could"
        )
        refused(samklang("parked", "show", "billing", message_id), "There is no parked fact with this id.")
        said = samklang("parked", "discard", "catalogue", message_id)
        assert said.code == 2
        assert "--reason" in said.err


class TestReplay:
    def test_only_to_who_reads_it_and_not_embedded(self, samklang: Samklang) -> None:
        for source, reader in [("billing", "catalogue"), ("nothing", "billing")]:
            said = samklang("replay", "--from", source, "--to", reader)
            refused(said, f"{reader} does not read {source}")
        refused(samklang("replay", "--from", "catalogue", "--to", "billing"), "replay needs AMQP_URI")

    def test_a_broker_that_does_not_answer(self, samklang: Samklang, var: Path) -> None:
        said = samklang(
            "replay", "--from", "catalogue", "--to", "billing", AMQP_URI="amqp://u:s3cret@127.0.0.1:1//"
        )
        refused(said, "the broker does not answer")
        assert "s3cret" not in said.err


class TestDocuments:
    def test_what_is_checked_in_is_what_the_code_says(self, samklang: Samklang) -> None:
        said = samklang("documents", "--check")
        assert (said.code, said.out, said.err) == (0, "", "")

    def test_a_stale_one_is_named_and_written_anew(
        self, samklang: Samklang, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder, checked_in = tmp_path / "api", documents.FOLDER
        shutil.copytree(checked_in, folder)
        monkeypatch.setattr(documents, "FOLDER", folder)
        (folder / "queues.json").write_text("{}")
        (folder / "asyncapi.json").unlink()
        said = samklang("documents", "--check")
        assert (said.code, said.err) == (1, "stale: asyncapi.json, queues.json; run `make documents`\n")
        assert (folder / "queues.json").read_text() == "{}"
        assert samklang("documents").code == 0
        assert samklang("documents", "--check").code == 0
        for file in checked_in.iterdir():
            assert (folder / file.name).read_text() == file.read_text()


def test_without_a_command_it_says_what_there_is(samklang: Samklang) -> None:
    said = samklang("--help")
    assert said.code == 0
    for command in ("run", "serve", "migrate", "load", "token", "check", "replay", "parked", "documents"):
        assert f"\n  {command} " in said.out
    assert samklang("frobnicate").code == 2
