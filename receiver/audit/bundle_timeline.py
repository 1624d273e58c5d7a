"""What happened to a job, in order, as its sealed entries tell it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from receiver.audit.bundle_facts import Facts, Item
from receiver.audit.stranger.contents import WHY

SIGNED = {"fal-ed25519": "signed by fal with Ed25519"}
AGAIN = {"headers", "body_sha256"}
"""What a signature is verified again from, where it is shown."""
ARRIVED = {"hook": "callback", "upload": "upload", "answer": "answer to our question"}


@dataclass(frozen=True, slots=True)
class Step:
    """A moment, as RFC 3339, and the entry that tells of it; `raw` where something came in. Equal times go by rank."""

    at: str
    rank: int
    what: str
    detail: str
    item: Item
    raw: bool = False


def steps(facts: Facts, job_id: str) -> list[Step]:
    """The oldest first; what has no time is not told."""
    items = [
        each for kind in ("order", "end", "delivery", "event", "image", "purge") for each in facts.of(kind, job_id)
    ]
    told = [step for item in items for step in _told(item) if step.at != "None"]
    return sorted(told, key=lambda step: (step.at, step.rank, step.item.n))


def _told(item: Item) -> Iterator[Step]:
    plain = item.plain

    def step(rank: int, at: object, what: object, detail: object = "", *, raw: bool = False) -> Step:
        return Step(str(at), rank, str(what), str(detail), item, raw)

    if item.sealed.get("gone"):
        yield step(9, item.sealed.get("sealed_at"), "taken back", f"the {item.kind} is not in the ledger any more")
    elif item.kind == "order":
        yield step(0, plain.get("created_at"), "ordered")
    elif item.kind == "delivery":
        yield step(3, plain.get("received_at"), ARRIVED.get(str(plain.get("kind")), "request"), why(item), raw=True)
    elif item.kind == "event":
        yield step(4, plain.get("recorded_at"), plain.get("outcome"), f"event {item.ref.partition('/')[2]}")
    elif item.kind == "image":
        yield step(6, plain.get("stored_at"), f"picture {plain.get('n')} stored", f"by {plain.get('arrived_by')}")
    elif item.kind == "purge":
        yield step(8, plain.get("purged_at"), "purged", plain.get("why"))
    elif item.kind == "end":
        yield step(1, plain.get("called_at"), "provider called")
        yield step(2, plain.get("submitted_at"), "acknowledged", f"request {plain.get('request_id')}")
        yield step(5, plain.get("finished_at"), "finished", plain.get("error_code") or "")
        cost = plain.get("cost_usd")
        yield step(7, plain.get("delivered_at"), "delivered", f"{cost} USD" if cost else "")


def why(delivery: Item) -> str:
    """The verdict, and what it rests on."""
    plain, scheme = delivery.plain, delivery.plain.get("scheme")
    reason = str(plain.get("reason") or "")
    rests = SIGNED.get(str(scheme)) or WHY.get(scheme) or f"verified by us then as {scheme}"
    if reason:  # of one that was run once more and believed, it says only that
        rests = f"{rests}; {reason}" if reason.startswith("redelivery of ") else reason
    again = "; verify.py verifies it again" if scheme in SIGNED and delivery.opened.keys() >= AGAIN else ""
    key = f"; key {plain['key_id']}" if plain.get("key_id") else ""
    return f"{plain.get('verdict')}: {rests}{again}{key}"
