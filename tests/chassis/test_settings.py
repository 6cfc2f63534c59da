"""Every default, and everything that an environment may not say."""

from __future__ import annotations

import stat
from pathlib import Path

import eventlet
import pytest

from services.chassis.settings import COUNTY_FOLDER, Settings, SettingsError, read_settings

PRODUCTION = {
    "SAMKLANG_PRODUCTION": "1",
    "SECRET_KEY": "k" * 32,
    "DATABASE_URL": "postgresql+psycopg2://samklang:pw@db/{service}",
    "AMQP_URI": "amqp://samklang:pw@broker//",
    "SMTP_URL": "smtps://user:pw@mail",
}


def settings(tmp_path: Path, **environment: str) -> Settings:
    return read_settings("catalogue", {"SAMKLANG_VAR": str(tmp_path), **environment})


def test_defaults_are_the_embedded_product(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert found.service == "catalogue"
    assert found.database_url == f"sqlite:///{tmp_path}/catalogue.db"
    assert found.amqp_uri == "memory://"
    assert found.smtp_url == ""
    assert not found.production
    assert (found.host, found.port) == ("127.0.0.1", 8000)
    assert found.public_url == "http://127.0.0.1:8000"
    assert found.county_code == "19"
    assert found.personas_file == COUNTY_FOLDER / "personas.yaml"
    assert len(found.secret_key) >= 32


def test_var_is_a_folder_here_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_settings("billing", {}).var == tmp_path / "var"


def test_the_process_environment_is_read_when_nothing_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMKLANG_VAR", str(tmp_path))
    monkeypatch.setenv("PORT", "8123")
    assert read_settings("billing").port == 8123


def test_what_is_set_to_nothing_counts_as_not_set(tmp_path: Path) -> None:
    empty = dict.fromkeys(
        ("DATABASE_URL", "AMQP_URI", "SMTP_URL", "SECRET_KEY", "HOST", "PORT", "PUBLIC_URL", "COUNTY_CODE",
         "SAMKLANG_PRODUCTION"), "",
    )  # fmt: skip
    plain, emptied = settings(tmp_path), settings(tmp_path, **empty)
    for name in (
        "database_url",
        "amqp_uri",
        "secret_key",
        "host",
        "port",
        "public_url",
        "county_code",
        "var",
    ):
        assert getattr(emptied, name) == getattr(plain, name), name


def test_no_demo_login(tmp_path: Path) -> None:
    assert settings(tmp_path, DEMO_PERSONAS="").personas_file is None


def test_one_database_url_serves_all_services(tmp_path: Path) -> None:
    environment = {"SAMKLANG_VAR": str(tmp_path), "DATABASE_URL": "postgresql+psycopg2://db/{service}"}
    assert read_settings("enrolment", environment).database_url == "postgresql+psycopg2://db/enrolment"


def test_the_port_is_part_of_the_address(tmp_path: Path) -> None:
    assert settings(tmp_path, PORT="8123").public_url == "http://127.0.0.1:8123"
    assert settings(tmp_path, PORT="8123", PUBLIC_URL="https://x.example/").public_url == "https://x.example"


def test_a_secret_is_in_no_repr(tmp_path: Path) -> None:
    shown = repr(settings(tmp_path, **PRODUCTION))
    assert "pw" not in shown
    assert PRODUCTION["SECRET_KEY"] not in shown


class TestKeptSecret:
    def test_it_stays_and_is_for_its_owner_only(self, tmp_path: Path) -> None:
        first = settings(tmp_path / "new" / "var").secret_key
        assert settings(tmp_path / "new" / "var").secret_key == first
        files = list((tmp_path / "new" / "var").iterdir())
        assert [file.name for file in files] == ["secret_key"]
        assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
        assert settings(tmp_path / "other").secret_key != first

    def test_processes_that_start_together_agree(self, tmp_path: Path) -> None:
        threads = [eventlet.spawn(lambda: settings(tmp_path).secret_key) for _ in range(20)]
        assert len({thread.wait() for thread in threads}) == 1

    @pytest.mark.parametrize("content", ["", "\n", "short"])
    def test_an_empty_one_signs_nothing(self, tmp_path: Path, content: str) -> None:
        # Of a disk that was full, say: anybody could sign with it.
        (tmp_path / "secret_key").write_text(content)
        with pytest.raises(SettingsError, match="holds no secret"):
            settings(tmp_path)

    def test_a_place_where_nothing_can_be_kept(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(SettingsError, match="SAMKLANG_VAR"):
            settings(tmp_path / "file")

    def test_none_is_made_for_production(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="SECRET_KEY"):
            settings(tmp_path, **{**PRODUCTION, "SECRET_KEY": ""})
        assert list(tmp_path.iterdir()) == []


class TestProduction:
    def test_it_starts_with_everything_it_needs(self, tmp_path: Path) -> None:
        found = settings(tmp_path, **PRODUCTION)
        assert found.production
        assert found.personas_file is None

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"DEMO_PERSONAS": "personas.yaml"}, "DEMO_PERSONAS lets anybody be anybody"),
            ({"SECRET_KEY": "k" * 31}, "SECRET_KEY must be at least 32 characters"),
            ({"SECRET_KEY": ""}, "SECRET_KEY must be at least 32 characters"),
            ({"DATABASE_URL": "sqlite:////tmp/x.db"}, "needs DATABASE_URL"),
            ({"DATABASE_URL": ""}, "needs DATABASE_URL"),
            ({"AMQP_URI": "memory://"}, "AMQP_URI"),
            ({"AMQP_URI": ""}, "AMQP_URI"),
            ({"SMTP_URL": ""}, "needs SMTP_URL"),
        ],
    )
    def test_it_refuses_what_is_for_trying_out(
        self, tmp_path: Path, change: dict[str, str], said: str
    ) -> None:
        with pytest.raises(SettingsError, match=said) as caught:
            settings(tmp_path, **{**PRODUCTION, **change})
        assert "k" * 31 not in str(caught.value)

    @pytest.mark.parametrize("text", ["1", "true", "YES", "On"])
    def test_ways_to_say_yes(self, tmp_path: Path, text: str) -> None:
        assert settings(tmp_path, **{**PRODUCTION, "SAMKLANG_PRODUCTION": text}).production

    @pytest.mark.parametrize("text", ["0", "false", "No", "OFF"])
    def test_ways_to_say_no(self, tmp_path: Path, text: str) -> None:
        assert not settings(tmp_path, SAMKLANG_PRODUCTION=text).production

    def test_what_is_neither_is_no_no(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="SAMKLANG_PRODUCTION is 'ja': write 1 or 0"):
            settings(tmp_path, SAMKLANG_PRODUCTION="ja")


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "80 ", "8e3", "٨٠٨٠", "9" * 5000])
def test_what_is_no_port(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="write a port number from 1 to 65535"):
        settings(tmp_path, PORT=text)


@pytest.mark.parametrize("text", ["kurser.example.se", "ftp://kurser.example.se", "//kurser.example.se"])
def test_an_address_without_its_scheme_would_send_cookies_in_the_clear(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="PUBLIC_URL"):
        settings(tmp_path, PUBLIC_URL=text)


@pytest.mark.parametrize("text", ["1", "1980", "Västmanland"])
def test_what_is_no_county(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="write the county's two digits"):
        settings(tmp_path, COUNTY_CODE=text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "mysql://user:s3cret@db/x"),
        ("DATABASE_URL", "postgresql://user:s3cret@db/x"),  # would be psycopg 3, which blocks the hub
        ("DATABASE_URL", "sqlite://"),  # a database in memory is another one for each connection
        ("AMQP_URI", "broker:5672"),
        ("AMQP_URI", "redis://:s3cret@broker"),
    ],
)
def test_databases_and_brokers_of_another_kind(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} must start with") as caught:
        settings(tmp_path, **{name: text})
    assert "s3cret" not in str(caught.value)
