"""What a bundle tells whoever gets it: listed before it is written."""

import json
from collections.abc import Iterable, Iterator

from receiver.audit.bundle_facts import Facts
from receiver.ledger.columns import header_lines

Row = tuple[str, str]


def reveals(facts: Facts, pictures: int) -> list[Row]:
    """What, and what of it; each once."""
    rows = [("job", job_id) for job_id in facts.jobs]
    rows += [("always", "times, ids, verdicts and their reasons, error codes, costs, sizes, SHA-256 of pictures")]
    rows += [("model", f"{each.plain.get('provider')} {each.plain.get('model')}") for each in facts.of("order")]
    rows += [*_orders(facts), *_requests(facts)]
    rows += [(name, said) for name in ("url", "seed") for each in facts.of("image") if (said := each.text(name))]
    rows += [
        (name, found)
        for each in facts.of("end")
        for name in ("error_message", "links")
        if (found := _text(each.text(name)))
    ]
    rows += [("key", f"{each.plain.get('key_id')} from {each.plain.get('source')}") for each in facts.of("key")]
    rows += [("pictures", f"{pictures} as they came, with whatever their files say of themselves")] if pictures else []
    return [*dict.fromkeys(rows)]


def _orders(facts: Facts) -> Iterator[Row]:
    for item in facts.of("order"):
        for name in ("order_json", "params", "tags", "idempotency_key"):
            if found := _text(item.text(name)):
                yield ("prompt" if name == "order_json" else name), _prompt(found) if name == "order_json" else found
        yield from (("input picture", f"SHA-256 {each}") for each in _inputs(item.text("order_json")))


def _requests(facts: Facts) -> Iterator[Row]:
    names: dict[str, None] = {}
    for item in facts.of("delivery"):
        if packed := item.opened.get("headers"):
            names |= {name.decode("latin-1"): None for name, _ in header_lines(packed.value[1:])}
    if names:
        yield "headers", ", ".join(names)
    shown = [each for each in facts.of("delivery") if each.ref in facts.bodies]
    if shown:
        total = sum(int(each.plain.get("body_bytes") or 0) for each in shown)
        yield "bodies", f"{len(shown)} raw requests and answers, {total} bytes: the prompt may stand in them, too"


def _prompt(order: str) -> str:
    try:
        found = json.loads(order).get("prompt")
    except (ValueError, AttributeError, RecursionError):
        found = None
    return str(found or order)


def _inputs(order: str | None) -> Iterable[str]:
    try:
        return [str(each["sha256"]) for each in json.loads(order or "{}").get("images") or ()]
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return []


def _text(found: str | None) -> str | None:
    return None if found in {None, "", "{}"} else found
