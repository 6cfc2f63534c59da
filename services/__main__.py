"""The `samklang` command line: compose services, run them, load a county, look after facts."""

import warnings

# That nameko stands on eventlet is decided, and nothing that who starts the product could change: the warning
# would only greet newcomers with trouble. Its class is defined by the import that gives it, hence the text.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")

import eventlet

eventlet.monkey_patch()

import sys

import click

from services.chassis import telemetry
from services.chassis.settings import COUNTY_FOLDER, SettingsError
from services.command_line import documents, facts, running

SERVICE = click.Choice(running.SERVICES)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def samklang() -> None:
    """Samklang: shared courses of a county's culture schools."""


@samklang.command()
@click.option("--county", default=str(COUNTY_FOLDER), show_default="Västmanland", help="The county's folder.")
def run(county: str) -> None:
    """Run all services in this process, with the county's data, until Ctrl-C."""
    sys.exit(running.run_embedded(county))


@samklang.command()
@click.argument("service", type=SERVICE)
def serve(service: str) -> None:
    """Run one service. Migrate its database first."""
    sys.exit(running.serve(service))


@samklang.command()
@click.argument("service", type=SERVICE, required=False)
def migrate(service: str | None) -> None:
    """Bring the databases (or one service's) to this release."""
    running.migrate_databases(service)


@samklang.command()
@click.argument("county", default=str(COUNTY_FOLDER))
@click.option("--demo/--no-demo", default=False, help="Also demo families, applications and the year 2025.")
@click.option(
    "--term", default=None, help="The term whose courses they are, HT2027; else the one to apply for."
)
def load(county: str, demo: bool, term: str | None) -> None:
    """Load a county's files. Loading again changes only what is different."""
    running.load_county(county, demo=demo, term_id=term)


@samklang.command()
@click.option("--role", required=True, help="guardian, pupil, staff, finance or operator")
@click.option("--municipality", required=True, help="Four digits, or two for the whole county.")
@click.option("--person", default=None, help="The guardian's or pupil's id.")
@click.option("--name", default="API client", show_default=True)
@click.option("--days", type=click.IntRange(1, 366), default=30, show_default=True)
def token(role: str, municipality: str, person: str | None, name: str, days: int) -> None:
    """Print a bearer token for an API client, bound to a role and a municipality."""
    click.echo(running.make_token(role, municipality, person, name, days))


@samklang.command()
@click.option("--service", type=SERVICE, default=None, help="Only this one.")
def check(service: str | None) -> None:
    """Check the invariants in every database; exit 1 if one is broken."""
    sys.exit(facts.check(service))


@samklang.command()
@click.option("--from", "source", required=True, help="The stream, for instance catalogue.")
@click.option("--to", "reader", type=SERVICE, required=True)
@click.option(
    "--since", type=click.IntRange(0), default=0, show_default=True, help="The last sequence it has."
)
def replay(source: str, reader: str, since: int) -> None:
    """Send a reader a publisher's facts again, from the fact log."""
    facts.replay(source, reader, since)


samklang.add_command(facts.parked)
samklang.add_command(documents.documents)


def main(arguments: list[str] | None = None) -> None:
    telemetry.configure_logging(as_json=running.logs_as_json())
    try:
        samklang.main(arguments, prog_name="samklang", standalone_mode=True)
    except (SettingsError, running.CannotRun) as error:
        click.echo(f"samklang: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
