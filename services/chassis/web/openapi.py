"""OpenAPI 3.1 from the routes and their marshmallow schemas."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import marshmallow
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from services.chassis.web.routes import Route
from services.chassis.web.session import SESSION_COOKIE

VERSION = "0.1.0"


class Problem(marshmallow.Schema):
    """RFC 9457, with the domain's name of the refusal and the rule that said no."""

    type = marshmallow.fields.String(required=True)
    title = marshmallow.fields.String(required=True)
    status = marshmallow.fields.Integer(required=True)
    detail = marshmallow.fields.String(required=True)
    name = marshmallow.fields.String(required=True)
    rule = marshmallow.fields.String()
    errors = marshmallow.fields.Dict()
    reference = marshmallow.fields.String()


def _schema_name(schema: Any) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    return str(kind.__name__)


def document(service: str, routes: Iterable[Route]) -> dict[str, Any]:
    """The OpenAPI document of a service's API routes, in a stable order."""
    spec = APISpec(
        title=f"Samklang {service}",
        version=VERSION,
        openapi_version="3.1.0",
        info={"description": "Errors are problem documents (RFC 9457); `name` is the refusal's stable name."},
        plugins=[MarshmallowPlugin(schema_name_resolver=_schema_name)],
    )
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    spec.components.security_scheme("session", {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE})
    spec.components.schema("Problem", schema=Problem)
    for route in sorted(routes, key=lambda route: (route.path, route.methods)):
        if route.api is not None:
            spec.path(
                path=re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", route.path.replace("<service>", service)),
                operations={route.methods[0].lower(): _operation(route)},
            )
    result: dict[str, Any] = spec.to_dict()
    return result


def _operation(route: Route) -> dict[str, Any]:
    contract = route.api
    if contract is None:
        raise ValueError("a page has no operation")
    parameters: list[Any] = [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"<(?:[a-z]+:)?([a-z_]+)>", route.path)
        if name != "service"
    ]
    if contract.query is not None:
        parameters.append({"in": "query", "schema": contract.query})
    answer: dict[str, Any] = {"description": contract.summary}
    if contract.answer is not None:
        answer["content"] = {"application/json": {"schema": contract.answer}}
    problem = {"$ref": "#/components/schemas/Problem"}
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": contract.summary,
        "parameters": parameters,
        "responses": {
            str(contract.status): answer,
            "default": {
                "description": "What said no, and why",
                "content": {"application/problem+json": {"schema": problem}},
            },
        },
        "security": _security(route),
    }
    if contract.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": contract.body}},
        }
    if route.access.roles is not None:
        operation["x-roles"] = sorted(route.access.roles)
    return operation


def _security(route: Route) -> list[dict[str, list[str]]]:
    return [] if route.access.roles is None else [{"bearer": []}, {"session": []}]
