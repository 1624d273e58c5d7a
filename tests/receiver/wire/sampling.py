"""Reads `tests/samples` into values; the format is described in `tests/samples/README.md`."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from receiver.wire.contract import Sample
from receiver.wire.orders import Asking, Call
from receiver.wire.types import Delivery, Event, Failure, Headers, ImageRef, Key, KeyKind, Kind, Outcome, Trust

FOLDER = Path(__file__).parents[2] / "samples"


def cases(provider: str | None = None) -> list[str]:
    """Every case as `<provider>/<case>`, of one provider or of all."""
    found = (path.parent.relative_to(FOLDER).as_posix() for path in FOLDER.glob("*/*/expected.json"))
    return sorted(name for name in found if provider is None or name.startswith(f"{provider}/"))


def load(name: str) -> Sample:
    """One case by its `<provider>/<case>`."""
    folder = FOLDER / name
    expected = json.loads((folder / "expected.json").read_text("utf-8"))
    now = datetime.fromisoformat(expected["now"])
    assert now.tzinfo is not None, f"{name}: `now` has no offset"
    delivery = Delivery(
        provider=name.partition("/")[0],
        kind=Kind(expected["kind"]),
        job_id=expected["job_id"],
        headers=headers(folder / "headers.json"),
        body=(folder / "body").read_bytes(),
        received_at=now,
    )
    trust = Trust(keys=tuple(map(_key, expected.get("keys", []))), options=expected.get("options", {}))
    return Sample(
        name=name,
        delivery=delivery,
        trust=trust,
        now=now,
        scheme=expected["scheme"],
        events=tuple(map(_event, expected["events"])),
        asking=_asking(expected),
        then=_then(expected.get("then")),
    )


def headers(path: Path) -> Headers:
    pairs = json.loads(path.read_text("utf-8"))
    return Headers(tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs))


def _key(row: Mapping[str, str]) -> Key:
    material = bytes.fromhex(row["hex"]) if "hex" in row else row["text"].encode()
    return Key(id=row["id"], kind=KeyKind(row["kind"]), material=material)


def _asking(expected: Mapping[str, Any]) -> Asking | None:
    row = expected.get("asking")
    if row is None:
        return None
    return Asking(
        job_id=expected["job_id"],
        base=row["base"],
        model=row.get("model", ""),
        request_id=row.get("request_id"),
        links=row.get("links", {}),
        expected=row.get("expected", 1),
        upload=row.get("upload", False),
    )


def _then(row: Mapping[str, Any] | None) -> Call | None:
    if row is None:
        return None
    body = row.get("body")
    return Call(method=row["method"], url=row["url"], body=None if body is None else body.encode())


def _event(row: Mapping[str, Any]) -> Event:
    return Event(
        id=row["id"],
        request_id=row["request_id"],
        outcome=Outcome(row["outcome"]),
        images=tuple(map(_image, row.get("images", []))),
        error=Failure(**row["error"]) if row.get("error") else None,
        cost=_decimal(row.get("cost")),
    )


def _image(row: Mapping[str, Any]) -> ImageRef:
    data = base64.b64decode(row["data"], validate=True) if row.get("data") else None
    return ImageRef(**{**row, "data": data, "cost": _decimal(row.get("cost"))})


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)
