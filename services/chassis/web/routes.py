"""Routes are declared beside their handlers; the app checks access and input before a handler runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import marshmallow

from services.chassis.web.access import Access

Handler = Callable[..., Any]
HandlerT = Callable[[Handler], Handler]


@dataclass(frozen=True, slots=True)
class ApiContract:
    """What an API route takes and gives: the source of OpenAPI and of every check of its input."""

    summary: str
    query: marshmallow.Schema | None
    body: marshmallow.Schema | None
    answer: marshmallow.Schema | None
    status: int


@dataclass(frozen=True, slots=True)
class Route:
    """`path` in werkzeug's notation. `api` is None for pages."""

    path: str
    methods: tuple[str, ...]
    access: Access
    handler: Handler
    api: ApiContract | None = None

    @property
    def name(self) -> str:
        return self.handler.__name__


class Routes:
    """Collects the routes of a module."""

    def __init__(self) -> None:
        self.all: list[Route] = []

    def page(self, path: str, *, access: Access, methods: tuple[str, ...] = ("GET",)) -> HandlerT:
        """A page or a form's target: `handler(context, **path_arguments) -> Response`."""

        def register(handler: Handler) -> Handler:
            self.all.append(Route(path, methods, access, handler))
            return handler

        return register

    def api(
        self,
        method: str,
        path: str,
        *,
        access: Access,
        summary: str,
        query: type[marshmallow.Schema] | None = None,
        body: type[marshmallow.Schema] | None = None,
        answer: type[marshmallow.Schema] | None = None,
        status: int = 200,
    ) -> HandlerT:
        """A JSON route below `/api/<service>`: `handler(context, **arguments)` returns what `answer` dumps.

        The validated input is `context.query` and `context.body`.
        """
        contract = ApiContract(
            summary,
            query() if query else None,
            body() if body else None,
            answer() if answer else None,
            status,
        )

        def register(handler: Handler) -> Handler:
            self.all.append(Route(f"/api/<service>{path}", (method,), access, handler, contract))
            return handler

        return register
