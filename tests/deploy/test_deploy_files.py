"""The files of deploy/ agree with the code: paths, services, settings and the names of metrics."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.billing.imbalances import EQUATIONS
from services.chassis.settings import SettingsError, read_settings
from services.contracts.registry import SERVICES
from services.contracts.site_map import PREFIXES

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
NGINX = (DEPLOY / "proxy" / "nginx.conf").read_text()
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
ALERTS = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "facts.json").read_text())
SECRETS = ("SECRET_KEY", "POSTGRES_PASSWORD", "RABBITMQ_PASSWORD", "GRAFANA_PASSWORD")


def service_map() -> dict[str, str]:
    """Pattern -> service, from the proxy's configuration."""
    block = re.search(r"map \$uri \$service \{(.*?)\n    \}", NGINX, re.DOTALL)
    assert block
    lines = (line.split() for line in block[1].strip().splitlines())
    return {pattern: service.rstrip(";") for pattern, service in lines}


def served_by(path: str) -> str:
    """As nginx reads the map: the first pattern that fits, else the default."""
    for pattern, service in service_map().items():
        found = (
            re.match(pattern.removeprefix("~").replace("(?<", "(?P<"), path) if pattern[0] == "~" else None
        )
        if found:
            return found["named"] if service == "$named" else service
    return service_map()["default"]


def test_compose_is_valid() -> None:
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [*checker, DEPLOY / "compose.yaml"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_runs_every_service_and_nothing_waits_for_a_missing_one() -> None:
    services = COMPOSE["services"]
    started = {tuple(each["command"]) for each in services.values() if "command" in each}
    assert {("serve", service) for service in SERVICES} | {("migrate",)} <= started
    for service in SERVICES:
        # The health check asks for the service that the host is called.
        assert services[service]["hostname"] == service
        assert set(services[service]["depends_on"]) <= set(services)


def test_files_that_compose_mounts_are_there() -> None:
    mounts = [mount for each in COMPOSE["services"].values() for mount in each.get("volumes", ())]
    for source in (mount.split(":")[0] for mount in mounts):
        assert source in COMPOSE["volumes"] or (DEPLOY / source).exists(), source


def test_a_database_is_made_for_every_service() -> None:
    sql = (DEPLOY / "postgres" / "databases.sql").read_text()
    assert re.findall(r"^CREATE DATABASE (\w+);$", sql, re.MULTILINE) == list(SERVICES)


def filled_in(values: dict[str, str]) -> dict[str, str]:
    """A service's environment as compose makes it from these values."""

    def fill(found: re.Match[str]) -> str:
        name, kind, text = found[1], found[2], found[3]
        if values.get(name):
            return values[name]
        assert kind == ":-", f"{name} is required: {text}"
        return text

    written = COMPOSE["services"]["billing"]["environment"]
    return {name: re.sub(r"\$\{(\w+)(:-|:\?)([^}]*)\}", fill, value) for name, value in written.items()}


def test_compose_makes_an_environment_that_production_accepts() -> None:
    secrets = {name: "0123456789abcdef" * 4 for name in SECRETS}
    given = {**secrets, "PUBLIC_URL": "https://kulturskola.example", "SMTP_URL": "smtps://mail.example"}
    settings = read_settings("billing", filled_in(given))
    assert settings.production
    assert settings.personas_file is None
    assert settings.database_url.endswith("@postgres:5432/billing")
    assert settings.host == "0.0.0.0"


def test_production_does_not_start_without_mail() -> None:
    secrets = {name: "0123456789abcdef" * 4 for name in SECRETS}
    with pytest.raises(SettingsError, match="SMTP_URL"):
        read_settings("billing", filled_in({**secrets, "PUBLIC_URL": "https://kulturskola.example"}))


def test_no_secret_has_a_value_that_would_work() -> None:
    example = dict(
        line.split("=", 1)
        for line in (DEPLOY / ".env.example").read_text().splitlines()
        if re.match(r"\w+=", line)
    )
    text = (DEPLOY / "compose.yaml").read_text()
    assert {*SECRETS, "PUBLIC_URL", "SMTP_URL"} <= set(example)
    for name in SECRETS:
        assert example[name] == ""
        assert set(re.findall(rf"\${{{name}(:.)", text)) == {":?"}, f"{name} must be required"
    assert set(re.findall(r"\$\{(\w+)", text)) == set(example), "the example lists every variable"


def test_the_proxy_follows_the_site_map() -> None:
    patterns = {
        service: tuple(f"/{word}" for word in found[1].split("|"))
        for pattern, service in service_map().items()
        if (found := re.fullmatch(r"~\^/\(([a-z|]+)\)\(/\|\$\)", pattern))
    }
    assert patterns == {service: paths for service, paths in PREFIXES.items() if paths != ("/",)}
    assert PREFIXES[service_map()["default"]] == ("/",)


@pytest.mark.parametrize("service", SERVICES)
def test_the_proxy_knows_every_services_own_paths(service: str) -> None:
    for prefix in PREFIXES[service]:
        assert served_by(prefix) == service
        if prefix != "/":
            assert served_by(f"{prefix}/more") == service
            assert served_by(f"{prefix}more") == "catalogue"
    for path in (f"/api/{service}/openapi.json", f"/health/{service}/ready", f"/operations/{service}"):
        assert served_by(path) == service


def test_the_proxy_keeps_metrics_inside() -> None:
    assert re.search(r"location /metrics \{ return 404; \}", NGINX)


def test_the_proxy_serves_the_static_files_by_itself() -> None:
    assert "alias /usr/share/samklang/static/;" in NGINX
    mounts = COMPOSE["services"]["proxy"]["volumes"]
    assert "../services/chassis/web/static:/usr/share/samklang/static:ro" in mounts


def known_metrics() -> set[str]:
    """The series of every metric the code makes, by the names that Prometheus stores."""
    names = {"up"}
    for file in (ROOT / "services").rglob("*.py"):
        for kind, name in re.findall(r'\b(Counter|Gauge|Histogram)\(\s*"(samklang_\w+)"', file.read_text()):
            suffixes = ("_bucket", "_sum", "_count") if kind == "Histogram" else ("",)
            names |= {name + suffix for suffix in suffixes}
    return names


def metrics_in(expression: str) -> set[str]:
    return set(re.findall(r"\b(samklang_\w+|up)\b", expression))


ALERT_RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
EXPRESSIONS = [rule["expr"] for rule in ALERT_RULES] + [
    target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_alerts_and_dashboard_ask_for_metrics_that_exist(expression: str) -> None:
    asked = metrics_in(expression)
    assert asked
    assert asked <= known_metrics()


@pytest.mark.parametrize("rule", ALERT_RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith(".")


def test_one_ore_that_is_off_wakes_somebody_at_once() -> None:
    """All equations but one: shares may differ from invoices until the correction is issued."""
    rules = {rule["alert"]: rule for rule in ALERT_RULES}
    differ, waits = rules["BooksDiffer"], rules["CorrectionWaits"]
    assert differ["expr"] == 'max by (equation) (samklang_imbalance_ore{equation!="shares"}) > 0'
    assert "for" not in differ
    assert waits["expr"] == 'max by (equation) (samklang_imbalance_ore{equation="shares"}) > 0'
    assert {"shares"} < set(EQUATIONS)


def test_prometheus_asks_every_service() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    job = next(each for each in config["scrape_configs"] if each["job_name"] == "samklang")
    asked = {
        target: each["labels"]["service"] for each in job["static_configs"] for target in each["targets"]
    }
    assert asked == {f"{service}:8000": service for service in SERVICES}


def test_the_lock_files_are_current() -> None:
    command = [sys.executable, DEPLOY / "dev" / "locks.py", "check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
