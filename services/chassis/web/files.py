"""A file that a visitor downloads."""

from __future__ import annotations

from werkzeug.wrappers import Response


def download(content: bytes, kind: str, name: str) -> Response:
    """`kind` is its media type, `name` what the browser keeps it as: ASCII, made by us."""
    return Response(
        content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
