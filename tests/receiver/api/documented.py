"""Answers held to the OpenAPI document: status, media type, and every field."""

import json
import re
from typing import Any

import httpx
import jsonschema_rs

from receiver.api.openapi import document

DOCUMENT: dict[str, Any] = json.loads(json.dumps(document()))
PATHS = {re.compile(re.sub(r"\{\w+\}", "[^/]+", path)): methods for path, methods in DOCUMENT["paths"].items()}


async def follow(response: httpx.Response) -> None:
    """An event hook: fails where the answer strays from the document."""
    await response.aread()
    methods = next((each for path, each in PATHS.items() if path.fullmatch(response.request.url.path)), None)
    method = "get" if response.request.method == "HEAD" else response.request.method.lower()
    if methods is None or method not in methods:
        return  # no operation: what is said of such an address is in test_admission.py
    said = methods[method]["responses"][str(response.status_code)]
    if response.request.method == "HEAD" or response.status_code == 304:
        assert response.content == b""
        return
    media_type = response.headers["content-type"].partition(";")[0]
    content = said["content"][media_type]
    if "schema" in content:
        given = {**content["schema"], "components": DOCUMENT["components"]}
        jsonschema_rs.validate(given, response.json())
        assert media_type != "application/problem+json" or response.json()["status"] == response.status_code
