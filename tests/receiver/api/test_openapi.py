import json

import httpx
import jsonschema_rs
import pytest
from schemathesis.specs.openapi import definitions
from starlette.applications import Starlette
from starlette.routing import Mount

from receiver.api.operations import OPERATIONS, Operation
from receiver.app import App
from receiver.road import Road
from tests.receiver.api.documented import DOCUMENT
from tests.receiver.pages.seeding import ADMIN


async def test_the_document_is_valid(program: httpx.AsyncClient) -> None:
    """It is OpenAPI 3.1 by the specification's own schema, and every schema in it is JSON Schema 2020-12."""
    told = (await program.get("/api/v1/openapi.json")).json()
    assert told == DOCUMENT
    jsonschema_rs.validate(definitions.OPENAPI_31, told)
    for name, schema in told["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}), name


def test_every_reference_leads_somewhere() -> None:
    """No schema names another that is not there."""
    names = {part.split('"')[0] for part in json.dumps(DOCUMENT).split('"#/components/schemas/')[1:]}
    assert names <= set(DOCUMENT["components"]["schemas"])
    assert {"Job", "Problem", "Now", "Evidence"} <= names


def test_the_job_is_the_contracts() -> None:
    """Every word of contract §6 is a field of a job, of its images and of its deliveries, and of a job no other."""
    schemas = DOCUMENT["components"]["schemas"]
    assert set(schemas["Job"]["properties"]) == {
        "id", "provider", "model", "request_id", "status", "created_at", "submitted_at", "finished_at", "delivered_at",
        "deadline_at", "params", "tags", "error", "cost_usd", "images", "deliveries",
    }  # fmt: skip
    assert set(schemas["Image"]["properties"]) >= {
        "n", "sha256", "media_type", "width", "height", "bytes", "url", "path", "arrived_by", "stored_at",
    }  # fmt: skip
    assert set(schemas["Delivery"]["properties"]) >= {
        "id", "received_at", "kind", "verdict", "scheme", "key_id", "signed_at",
    }  # fmt: skip


@pytest.mark.parametrize("each", OPERATIONS, ids=lambda each: each.name)
def test_every_operation_says_what_it_refuses(each: Operation) -> None:
    """401 and 429 are everywhere, 403 wherever something is changed, 404 wherever something is named."""
    said = DOCUMENT["paths"][f"/api/v1{each.path}"][each.method.lower()]
    assert said["operationId"] == each.name
    assert {"200", "400", "401", "429", "503"} <= set(said["responses"])
    assert ("403" in said["responses"]) == (each.method == "POST")
    assert ("404" in said["responses"]) == ("{" in each.path)


async def test_the_document_names_its_prefix(road: Road) -> None:
    """Mounted in another app, its addresses begin there."""
    transport = httpx.ASGITransport(Starlette(routes=[Mount("/below", App(road))]))
    headers = {"authorization": f"Bearer {ADMIN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://pages", headers=headers) as client:
        told = (await client.get("/below/api/v1/openapi.json")).json()
        assert told["servers"] == [{"url": "/below"}]
        assert (await client.get("/below/api/v1/jobs")).status_code == 200
