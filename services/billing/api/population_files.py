"""The API that takes in files of population figures."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.billing.access import SET_BASIS, acting
from services.billing.api.basis import RecordedAnswer
from services.billing.commands.basis import Recorded
from services.billing.commands.population_files import import_populations
from services.chassis.web.context import Context
from services.chassis.web.routes import Routes

routes = Routes()


class PopulationFileBody(Schema):
    content = fields.String(
        required=True,
        validate=validate.Length(min=1, max=1_000_000),
        metadata={"description": "the file's text: PX-Web JSON-stat 2 or CSV, or the simple list"},
    )
    source = fields.String(
        load_default="",
        validate=validate.Length(max=300),
        metadata={"description": "where the file is from; a must for PX-Web's CSV, which does not say"},
    )


@routes.api(
    "POST",
    "/populations/files",
    access=SET_BASIS,
    summary="Record the figures of a file from Statistics Sweden, all or none",
    body=PopulationFileBody,
    answer=RecordedAnswer,
)
def post_population_file(context: Context) -> Recorded:
    body = context.body
    with context.parts.storage.unit() as unit:
        return import_populations(
            unit, body["content"].encode(errors="replace"), body["source"], acting(context)
        )
