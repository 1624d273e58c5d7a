"""The command that orders the same once more, to be changed before it is sent. Pure: pages hold no spending key."""

import json
import shlex
from collections.abc import Iterator
from typing import Any

from receiver.ledger.views import JobView
from receiver.pages.words import flat, private

OPTIONS = {
    "seed": "--seed", "aspect_ratio": "--aspect-ratio", "output_format": "--format", "safety": "--safety",
    "model": "--model",
}  # fmt: skip
"""What an order calls it → what the command does."""
LONGEST = 2_000
"""Characters of a prompt that stand in the command."""


def command(job: JobView) -> str:
    """Empty where the order is not held any more, or cannot be said in one line."""
    prompt = job.order.get("prompt")
    if job.purged or not isinstance(prompt, str) or not prompt or len(prompt) > LONGEST or not prompt.isprintable():
        return ""
    return shlex.join(["proofhook", "submit", job.provider, "--prompt", prompt, *_options(job.order)])


def _options(order: dict[str, Any]) -> Iterator[str]:
    for name, option in OPTIONS.items():
        if order.get(name) is not None:
            yield from (option, str(order[name]))
    if isinstance(order.get("count"), int) and order["count"] > 1:
        yield from ("--n", str(order["count"]))
    if order.get("upsample") is not None:
        yield "--upsample" if order["upsample"] else "--no-upsample"
    if order.get("upload"):
        yield "--upload"
    yield from _images(order.get("images"))
    extra = order.get("extra")
    for name, value in flat(extra) if isinstance(extra, dict) else ():
        given = value if isinstance(value, str) else json.dumps(value)
        yield from ("-p", f"{name}={'SECRET' if private(name) else given}")


def _images(given: object) -> Iterator[str]:
    """A URL as it was; a file by its name, which the reader has to have."""
    for each in given if isinstance(given, list) else ():
        if isinstance(each, dict):
            yield from ("--image", str(each.get("url") or each.get("name") or f"{each.get('sha256')}"))
