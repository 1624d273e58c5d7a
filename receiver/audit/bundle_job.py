"""One job on a bundle's page: what was asked for, the pictures, and what happened when."""

import json
from collections.abc import Iterator, Mapping

from receiver.audit.bundle_facts import Facts, Item
from receiver.audit.bundle_markup import attribute, link, table, text
from receiver.audit.bundle_names import file_of, place
from receiver.audit.bundle_timeline import Step, steps

_PROMPTS = ("prompt", "positivePrompt")
_JUNK = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
_SIGNS = {"delivered": ("good", "●"), "failed": ("bad", "■"), "expired": ("bad", "■"), "cancelled": ("soft", "○")}
_WORDS = {"order_json": "order", "order_digest": "digest of the order", "idempotency_key": "idempotency key"}


def job(facts: Facts, job_id: str, named: Mapping[str, str]) -> Iterator[str]:
    """`named` maps the SHA-256 of raw bytes to their file."""
    order, end = facts.of("order", job_id)[0], next(iter(facts.of("end", job_id)), None)
    status = str(end.plain.get("status")) if end else "under way when this was sealed"
    tone, glyph = _SIGNS.get(status, ("soft", "◐"))
    yield f'<h2>Job {text(job_id)} <span class="{tone}">{glyph} {text(status)}</span></h2>'
    yield f'<p class="soft">{text(order.plain.get("provider"))} · {text(order.plain.get("model"))}</p>'
    yield from _order(order)
    if end and (code := end.plain.get("error_code")):
        yield f'<p><span class="bad">{text(code)}</span> {text(end.text("error_message") or "")}</p>'
    if pictures := facts.of("image", job_id):
        yield f'<div class="pictures">{"".join(_picture(each, named) for each in pictures)}</div>'
    yield "<h3>What happened</h3>"
    rows = (_row(step, named) for step in steps(facts, job_id))
    yield from table(("when, UTC", "what", "why it was believed, and more", "files"), rows)


def _row(step: Step, named: Mapping[str, str]) -> tuple[str, str, str, str]:
    item, files = step.item, [link(f"{place(step.item)}/entry.json", f"entry {step.item.n:,}")]
    if step.raw and "headers" in item.opened:
        files.append(link(file_of(item, "headers"), "headers"))
    if step.raw and (body := named.get(item.text("body_sha256") or "")):
        files.append(link(body, "body"))
    shown = step.at.replace("T", " ").removesuffix("Z")
    at = f'<time datetime="{attribute(step.at)}">{attribute(shown)}</time>'
    return at, text(step.what), text(step.detail), " ".join(files)


def _order(order: Item) -> Iterator[str]:
    prompt, inputs = None, list[str]()
    for name in ("order_json", "params"):
        try:
            said = json.loads(order.text(name) or "{}")
            prompt = prompt or next((said[each] for each in _PROMPTS if said.get(each)), None)
            inputs += [f"{each.get('name')}, SHA-256 {each['sha256']}" for each in said.get("images") or ()]
        except _JUNK:
            continue
    if prompt:
        yield f"<blockquote>{text(prompt)}</blockquote>"
    yield from (f'<p class="soft">Input picture: {text(each)}</p>' for each in inputs)
    shown = [name for name in ("order_json", "params", "tags", "idempotency_key", "order_digest") if order.text(name)]
    files = [link(file_of(order, name), _WORDS.get(name, name)) for name in shown]
    yield f'<p class="soft">As it was ordered: {", ".join(files) or "left out"}</p>'


def _picture(image: Item, named: Mapping[str, str]) -> str:
    plain, sha256 = image.plain, str(image.plain.get("sha256"))
    file, size = named.get(sha256), "".join(f' {side}="{attribute(plain.get(side))}"' for side in ("width", "height"))
    label = f"Picture {attribute(plain.get('n'))}"
    shown = f'<a href="{file}"><img src="{file}"{size} alt="{label}"></a>' if file else "left out"
    facts = f"{plain.get('width')} x {plain.get('height')} {plain.get('media_type')}, {plain.get('bytes')} bytes"
    more = "".join(f"<br>{name} {text(said)}" for name in ("url", "seed") if (said := image.text(name)))
    return (
        f'<figure><div class="mat">{shown}</div><figcaption>{label}: {text(facts)}, by {text(plain.get("arrived_by"))}'
        f"<br>SHA-256 <code>{text(sha256)}</code>{more}</figcaption></figure>"
    )
