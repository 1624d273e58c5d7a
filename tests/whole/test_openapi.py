"""The OpenAPI document against a live receiver: schemathesis asks all that the document allows, and more."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from receiver.errors import BadSignature
from receiver.wire.types import Failure
from tests.browser.still import Still, standing
from tests.receiver.pages.seeding import ADMIN, Seed

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "unsupported_method", "negative_data_rejection",
)  # fmt: skip
PLACES = """
[[operations]]
include-path = "/api/v1/jobs/{id}/images/{n}"
parameters = { "path.n" = "1" }
"""
"""Ids are taken from other answers; an image's number has to be told."""


async def ended(seed: Seed) -> dict[str, str]:
    """Jobs that have all come to an end, so that nobody waits for them, and a refusal; no key server is needed."""
    failed = await seed.opened("vtrix")
    await seed.came(failed, "vtrix", error=Failure("content_moderated", "flagged"))
    delivered = await seed.delivered("fireworks")
    await seed.came(delivered, "fireworks", refusal=BadSignature("no key of ours signed this"))
    return {"failed": failed, "delivered": delivered}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Still]:
    with standing(tmp_path_factory.mktemp("openapi"), ended) as house:
        yield house


def test_the_api_is_as_its_document_says(house: Still, tmp_path: Path) -> None:
    """No 5xx, no status, header, type or body that the document does not name, and no bad request that is taken."""
    (tmp_path / "schemathesis.toml").write_text(PLACES)
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{house.origin}/api/v1/openapi.json", f"--url={house.origin}",
        f"--header=Authorization: Bearer {ADMIN}", "--exclude-path=/api/v1/events", "--seed=5", "--max-examples=15",
        "--phases=examples,coverage,fuzzing", f"--checks={','.join(CHECKS)}", "--no-shrink", "--request-timeout=10",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    selected, total = map(int, re.findall(r"(\d+) selected / (\d+) total", done.stdout)[0])
    assert selected == total - 1  # the stream has no end, so it is left out
    assert "Tested: " + str(selected) in re.sub(r" +", " ", done.stdout)


def test_the_stream_is_as_its_document_says(house: Still) -> None:
    """The server-sent events, which never end, open with the type that the document names."""
    headers = {"authorization": f"Bearer {ADMIN}"}
    document = httpx.get(f"{house.origin}/api/v1/openapi.json", headers=headers, trust_env=False).json()
    [said] = document["paths"]["/api/v1/events"]["get"]["responses"]["200"]["content"]
    with httpx.stream("GET", f"{house.origin}/api/v1/events", headers=headers, trust_env=False) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] == said == "text/event-stream"
        first = next(answer.iter_text())
    assert first.startswith(("event:", "retry:", ":", "id:"))
