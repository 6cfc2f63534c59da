"""Generated documents: OpenAPI a service, AsyncAPI, and the list of queue names. Checked in, never edited."""

from __future__ import annotations

import json
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from services.chassis.clock import SystemClock
from services.chassis.messaging.broker import INBOX_ARGUMENTS, POSITIONS_ARGUMENTS
from services.chassis.settings import read_settings
from services.chassis.web import openapi
from services.contracts.registry import (
    FACTS,
    SERVICES,
    STREAMS,
    SUBSCRIPTIONS,
    exchange_of,
    positions_queue_of,
    queue_of,
    readers_of,
)

FOLDER = Path(__file__).parents[2] / "docs" / "api"


@click.command()
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit 1 if one is stale.")
def documents(only_check: bool) -> None:
    """Write docs/api: OpenAPI, AsyncAPI and queue names."""
    stale = []
    for name, text in generated().items():
        file = FOLDER / name
        if file.exists() and file.read_text() == text:
            continue
        stale.append(name)
        if not only_check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    if stale and only_check:
        click.echo(f"stale: {', '.join(stale)}; run `make documents`", err=True)
        sys.exit(1)


def generated() -> dict[str, str]:
    """File name -> text."""
    texts = {f"openapi-{service}.json": _json(_openapi(service)) for service in SERVICES}
    return {**texts, "asyncapi.json": _json(asyncapi()), "queues.json": _json(queues())}


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _openapi(service: str) -> dict[str, Any]:
    """From the routes alone; no database is opened."""
    with tempfile.TemporaryDirectory() as var:
        settings = read_settings(service, {"SAMKLANG_VAR": var, "SECRET_KEY": "unused"})
        composition = import_module(f"services.{service}.wiring").compose(settings, SystemClock())
        return openapi.document(service, composition.app.routes)


def queues() -> dict[str, Any]:
    """Every durable queue. Renaming one orphans what waits in it: keep the list as it is, add only."""
    listed: dict[str, Any] = {}
    for service in SERVICES:
        bound = [exchange_of(stream) for stream in SUBSCRIPTIONS[service]]
        listed[queue_of(service)] = {"arguments": INBOX_ARGUMENTS, "bound_to": bound}
        listed[positions_queue_of(service)] = {"arguments": POSITIONS_ARGUMENTS, "bound_to": ["positions"]}
    return {"queues": listed}


def asyncapi() -> dict[str, Any]:
    """AsyncAPI 3: a channel a stream, a message a fact, who sends and who receives."""
    spec = APISpec("facts", "1", "3.1.0", plugins=[MarshmallowPlugin(schema_name_resolver=_name)])
    messages: dict[str, Any] = {}
    for type_name, fact in FACTS.items():
        key = f"{fact.NAME}.v{fact.VERSION}"
        spec.components.schema(key, schema=fact.schema())
        messages[key] = {
            "name": type_name,
            "title": fact.NAME,
            "contentType": "application/cloudevents+json",
            "summary": (fact.__doc__ or "").strip().splitlines()[0],
            "payload": {"$ref": f"#/components/schemas/{key}"},
        }
    streams = [stream for service in SERVICES for stream in STREAMS[service]]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Samklang facts",
            "version": "1.0.0",
            "description": "CloudEvents 1.0 in structured JSON; each payload here is an event's `data`.",
        },
        "channels": {
            stream.replace(".", "-"): {
                "address": exchange_of(stream),
                "messages": {
                    f"{fact.NAME}.v{fact.VERSION}": {
                        "$ref": f"#/components/messages/{fact.NAME}.v{fact.VERSION}"
                    }
                    for fact in FACTS.values()
                    if fact.SOURCE == stream
                },
            }
            for stream in streams
        },
        "operations": _operations(streams),
        "components": {"messages": messages, "schemas": spec.to_dict()["components"]["schemas"]},
    }


def _operations(streams: list[str]) -> dict[str, Any]:
    operations: dict[str, Any] = {}
    for stream in streams:
        channel = {"$ref": f"#/channels/{stream.replace('.', '-')}"}
        operations[f"{stream}-publish".replace(".", "-")] = {"action": "send", "channel": channel}
        for reader in readers_of(stream):
            name = f"{reader}-reads-{stream}".replace(".", "-")
            operations[name] = {"action": "receive", "channel": channel}
    return operations


def _name(schema: Any) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    return str(kind.__name__)
