"""The form that orders pictures: from an old job to its fields, and from its fields to an order. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from receiver import intake
from receiver.errors import BadOrder
from receiver.ledger.views import JobView
from receiver.pages.words import flat, private
from receiver.wire.orders import InputImage, Order

FIELDS = (
    "provider", "prompt", "images", "aspect_ratio", "seed", "output_format", "n", "safety", "upsample", "model",
    "upload", "params", "tags",
)  # fmt: skip
LABELS = {
    "--prompt": "“Prompt”", "--image": "“Input images”", "--aspect-ratio": "“Aspect ratio”", "--seed": "“Seed”",
    "--format": "“Format”", "--n": "“Number”", "--safety": "“Safety”", "--upsample": "“Enlarge the prompt”",
    "--model": "“Model”", "--upload": "“Put to us”", "-p": "“Further parameters”", "--tag": "“Tags”",
}  # fmt: skip
"""What the command's options are called here."""
MASK = "(not shown)"
"""Stands for the value of a private parameter; left as it is, it means the old order's."""
Values = dict[str, str]


def of_fields(fields: Mapping[str, str]) -> Values:
    """What was typed; of fields that did not come, nothing."""
    return {name: fields.get(name, "").replace("\r\n", "\n") for name in FIELDS}


def of_job(job: JobView) -> Values:
    """An old order in the fields, without what is private and without the pictures that we hold."""
    given, extra = job.order, job.order.get("extra")
    images = given.get("images")
    urls = [each["url"] for each in images if isinstance(each, dict) and each.get("url")] if images else []
    upsample = {"True": "yes", "False": "no"}.get(str(given.get("upsample")), "")
    plain = {name: given.get(name) for name in ("prompt", "aspect_ratio", "seed", "output_format", "safety", "model")}
    found = {name: "" if value is None else str(value) for name, value in plain.items()}
    return found | {
        "provider": job.provider,
        "tags": "\n".join(f"{name}={value}" for name, value in job.tags.items()),
        "images": "\n".join(map(str, urls)),
        "n": str(given.get("count") or 1),
        "upsample": upsample,
        "upload": "yes" if given.get("upload") else "",
        "params": "\n".join(_line(*each) for each in flat(extra if isinstance(extra, dict) else {})),
    }


def wanted(values: Values, kept: Sequence[InputImage], files: Sequence[InputImage], old: JobView | None) -> Order:
    """The order that the fields make: pictures kept of the old one, then URLs, then files. Raises BadOrder."""
    urls = [intake.picture(line) for line in _lines(values["images"])]
    return Order(
        prompt=values["prompt"] or None,
        images=(*kept, *urls, *files),
        seed=_whole(values["seed"], "--seed"),
        aspect_ratio=values["aspect_ratio"].strip() or None,
        output_format=values["output_format"] or None,
        count=_whole(values["n"], "--n") or 1,
        safety=_whole(values["safety"], "--safety"),
        upsample={"yes": True, "no": False}.get(values["upsample"]),
        model=values["model"].strip() or None,
        upload=bool(values["upload"]),
        extra=_unmasked(intake.parameters(_lines(values["params"])), _secrets(old)),
    )


def tags(values: Values) -> dict[str, str]:
    """The notes to keep with the job. Raises BadOrder."""
    return intake.tags(_lines(values["tags"]))


def once(nonce: str, values: Values, kept: Sequence[InputImage], files: Sequence[InputImage]) -> str:
    """The idempotency key of one form: sent twice it is one job, changed and sent again another."""
    pictures = [hashlib.sha256(each.data or b"").hexdigest() for each in (*kept, *files)]
    said = json.dumps([nonce, values, pictures], sort_keys=True)
    return f"page-{hashlib.sha256(said.encode()).hexdigest()[:32]}"


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _line(name: str, value: Any) -> str:
    """A parameter as it is typed: what reads back as it was, else as JSON."""
    if private(name):
        return f"{name}={MASK}"
    as_it_is = isinstance(value, str) and value == value.strip() and value.isprintable()
    return f"{name}={value if as_it_is and intake.read(value) == value else json.dumps(value, ensure_ascii=False)}"


def _whole(text: str, option: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 25):  # noqa: PLR2004  no seed is longer
        raise BadOrder(f"{option} is a whole number, or left empty")
    return int(text)


def _secrets(old: JobView | None) -> dict[str, Any]:
    extra = old.order.get("extra") if old else None
    return {name: value for name, value in flat(extra if isinstance(extra, dict) else {}) if private(name)}


def _unmasked(params: dict[str, Any], secrets: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in params.items():
        whole = f"{path}{name}"
        if value == MASK and whole not in secrets:
            raise BadOrder(f"-p {whole}: write its value; there is no old one to take")
        nested = _unmasked(value, secrets, f"{whole}.") if isinstance(value, dict) else value
        found[name] = secrets[whole] if value == MASK else nested
    return found
