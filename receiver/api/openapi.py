"""The OpenAPI 3.1 document, made of the table of operations and of the models that make the answers.

Source: https://spec.openapis.org/oas/v3.1.1
"""

from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from receiver.api.models import Problem
from receiver.api.operations import AT, OPERATIONS, Operation
from receiver.api.problem import MEDIA_TYPE

REF = "#/components/schemas/{model}"
ALWAYS = (400, 401, 429, 503)
"""What every route may answer beside its own."""
PATH = {
    "id": {"type": "string", "description": "a UUID"},
    "n": {"type": "string", "description": "the image's number within its job: 1, 2, …"},
}
IDEMPOTENCY = {
    "name": "Idempotency-Key", "in": "header", "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}  # fmt: skip
WAITS = {429, 503}
PART = {"Content-Range": {"description": "RFC 9110 §14.4", "schema": {"type": "string"}}}
Json = dict[str, Any]


def document(root: str = "") -> Json:
    """The document; `root` is the prefix that the app is mounted under."""
    models = [each.answers for each in OPERATIONS if not isinstance(each.answers, tuple)]
    wanted = [(model, "serialization") for model in dict.fromkeys([Problem, *models])]
    wanted += [(each.body, "validation") for each in OPERATIONS if each.body is not None]
    _, schemas = models_json_schema(wanted, ref_template=REF)  # type: ignore[arg-type]  # a list of literals
    paths: dict[str, Json] = {}
    for each in OPERATIONS:
        paths.setdefault(f"{AT}{each.path}", {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "proofhook",
            "version": version("proofhook"),
            "summary": "Every image job, every delivery and every picture of this receiver.",
        },
        "servers": [{"url": root or "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "ADMIN_TOKEN; VIEWER_TOKEN reads only"}
            },
        },
    }


def _operation(each: Operation) -> Json:
    names = [part.strip("{}") for part in each.path.split("/") if part.startswith("{")]
    parameters = [{"name": name, "in": "path", "required": True, "schema": PATH[name]} for name in names]
    said: Json = {"operationId": each.name, "summary": each.does, "responses": _responses(each)}
    if parameters := [*parameters, *_query(each.takes)]:
        said["parameters"] = parameters
    if each.body is not None:
        schema = {"$ref": REF.format(model=each.body.__name__)}
        said["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        said.setdefault("parameters", []).append(IDEMPOTENCY)
    return said


def _query(model: type[BaseModel]) -> list[Json]:
    """A query parameter for each field; one that may be None may be left out, and is never null in an address."""
    found = []
    for name, schema in model.model_json_schema().get("properties", {}).items():
        kept = {key: value for key, value in schema.items() if key not in {"title", "anyOf", "default", "description"}}
        options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
        kept |= options[0] if options else {}
        if schema.get("default") is not None:
            kept["default"] = schema["default"]
        text = {"description": schema["description"]} if "description" in schema else {}
        found.append({"name": name, "in": "query", "required": False, **text, "schema": kept})
    return found


def _responses(each: Operation) -> Json:
    good = {"description": each.does, "content": _content(each)}
    found: Json = {"200": good}
    for status in sorted({*ALWAYS, *each.problems}):
        found[str(status)] = _problem(status) if status >= HTTPStatus.BAD_REQUEST else _empty(status)
    if HTTPStatus.ACCEPTED in each.problems:
        where = {"description": "the job", "schema": {"type": "string"}}
        found[str(HTTPStatus.ACCEPTED.value)] = {**good, "headers": {"Location": where}}
    if "206" in found:
        found["206"] |= {"headers": PART, "content": _content(each)}
        found["416"]["headers"] = PART
    return found


def _content(each: Operation) -> Json:
    if isinstance(each.answers, tuple):
        return {media_type: {} for media_type in each.answers}
    return {"application/json": {"schema": {"$ref": REF.format(model=each.answers.__name__)}}}


def _empty(status: int) -> Json:
    return {"description": HTTPStatus(status).phrase}


def _problem(status: int) -> Json:
    said: Json = {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": REF.format(model=Problem.__name__)}}},
    }
    if status in WAITS:
        said["headers"] = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
    if status == HTTPStatus.UNAUTHORIZED:
        said["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return said
