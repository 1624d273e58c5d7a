"""What a batch of arrivals does to the rows it meets. Pure: rows come in as dicts, changes go out; no SQL here.

The rows of a batch are loaded once, every arrival is applied in order, and what changed is written once, so that a
delivery costs a few rows in a few statements. Times are in the database's own form (`Batch.moment` makes them);
within one backend they compare as times do.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from receiver.errors import PlaceTaken, Refused, UnknownEndpoint, WrongRequest
from receiver.ledger import climb, rules
from receiver.ledger.arrivals import Arrival, Recorded
from receiver.ledger.climb import digits, expiry, least_error, number, stand
from receiver.ledger.ids import delivery_id as new_id
from receiver.ledger.names import ref_of, together
from receiver.ledger.rules import Standing
from receiver.wire.types import Event, ImageRef, Key, KeyKind, Kind, Outcome

Row = dict[str, Any]
ENDED = int(Standing.EXPIRED)
"""A job that stands so high or higher is sealed as it is, each time that it changes."""


@dataclass(slots=True)
class Batch:
    """Rows by their keys, and what became of them. `fresh_*` are to insert, `changed_*` to update.

    `events` maps a job's id to its events, event id → (delivery id, cost); `images` a job's id to its images by key;
    `tasks` (job id, image key) to its task. `said_before` counts a refused delivery that is in the table already.
    `deliveries` are (id, time received, arrival, refusal); `adopted` the changed jobs whose request id is new.
    """

    moment: Callable[[datetime], Any]
    jobs: dict[str, Row]
    events: dict[str, dict[str, tuple[str, str | None]]]
    images: dict[str, dict[str, Row]]
    tasks: dict[tuple[str, str], Row]
    said_before: Callable[[str, str, str], bool]
    deliveries: list[tuple[str, Any, Arrival, Refused | None]] = field(default_factory=list)
    fresh_events: list[tuple[Any, ...]] = field(default_factory=list)
    fresh_images: dict[tuple[str, str], Row] = field(default_factory=dict)
    fresh_tasks: dict[tuple[str, str], Row] = field(default_factory=dict)
    changed_jobs: dict[str, Row] = field(default_factory=dict)
    changed_images: dict[tuple[str, str], Row] = field(default_factory=dict)
    changed_tasks: dict[tuple[str, str], Row] = field(default_factory=dict)
    adopted: set[str] = field(default_factory=set)
    repeated: list[str] = field(default_factory=list)
    refused: set[tuple[str, str, str]] = field(default_factory=set)

    def record(self, arrival: Arrival) -> Recorded:
        """Apply one arrival. Never raises for what the sender did: a refusal is a result."""
        job = self.jobs.get(arrival.delivery.job_id or "")
        if job is None or job["provider"] != arrival.delivery.provider:
            return Recorded(None, refusal=UnknownEndpoint("there is no such job"))
        refusal = arrival.refusal or self._mismatch(job, arrival)
        if refusal is not None:
            return self._refuse(job, arrival, refusal)
        known = self.events.setdefault(job["id"], {})
        news = [event for event in _distinct(arrival.events) if event.id not in known]
        if not news and arrival.events:
            self.repeated.append(known[arrival.events[0].id][0])
            return Recorded(None, duplicate=True)
        now = self.moment(arrival.delivery.received_at)
        delivery_id = new_id(arrival.delivery.received_at)
        self.deliveries.append((delivery_id, now, arrival, None))
        for event in news:
            cost = digits(event.cost) if event.cost is not None else None
            known[event.id] = (delivery_id, cost)
            self.fresh_events.append((job["id"], event.id, delivery_id, event.outcome.value, cost, now))
            self._climb(job, event, arrival, now)
        return Recorded(delivery_id)

    def public_keys(self) -> Iterable[Key]:
        """The public keys that verified something in this batch, each once. Of a derived secret nothing is kept."""
        signers = (arrival.verified.key for _, _, arrival, _ in self.deliveries if arrival.verified is not None)
        return {key.material: key for key in signers if key is not None and key.kind is KeyKind.ED25519}.values()

    def evidence(self) -> list[tuple[str, str]]:
        """Kind and names of the rows that are to be sealed now; of a delivery's events the sealer knows by itself."""
        changed = self.changed_images.items()
        queue = {
            "delivery": [each[0] for each in self.deliveries],
            "image": [ref_of(*name) for name, row in changed if row.get("sha256")],
            "end": [job_id for job_id, row in self.changed_jobs.items() if row["standing"] >= ENDED],
        }
        return [(kind, together(refs)) for kind, refs in queue.items() if refs]

    def _refuse(self, job: Row, arrival: Arrival, refusal: Refused) -> Recorded:
        """Write a refusal down once, byte for byte: a sender that keeps trying fills no table."""
        same = (job["id"], refusal.slug, arrival.body_hash)
        if same in self.refused or self.said_before(*same):
            return Recorded(None, refusal=refusal)
        self.refused.add(same)
        delivery_id = new_id(arrival.delivery.received_at)
        self.deliveries.append((delivery_id, self.moment(arrival.delivery.received_at), arrival, refusal))
        return Recorded(delivery_id, refusal=refusal)

    def _mismatch(self, job: Row, arrival: Arrival) -> Refused | None:
        if arrival.delivery.kind is Kind.UPLOAD:
            held = self.images.get(job["id"], {})
            for place, digest in arrival.staged.items():
                there = held.get(place, {})
                if (there.get("sha256") or there.get("staged_sha256") or digest) != digest:
                    return PlaceTaken("this upload place is already filled with different bytes")
            return None
        known = job["request_id"]
        for event in arrival.events:
            if known is not None and event.request_id != known:
                return WrongRequest("the delivery names another request than the one this URL was made for")
            known = event.request_id
        return None

    def _climb(self, job: Row, event: Event, arrival: Arrival, now: Any) -> None:
        for ref in event.images:
            self._announce(job, ref, arrival, now)
        images = self.images.get(job["id"], {}).values()
        after = rules.advance(Standing(job["standing"]), event, announced=len(images), expected=job["expected"])
        after = rules.settle(after, [image["sha256"] is not None for image in images])
        if job["request_id"] is None and arrival.delivery.kind is not Kind.UPLOAD:
            job["request_id"] = event.request_id
            self.adopted.add(job["id"])
        job["cost_usd"] = self._cost(job, images)
        job |= least_error(job, event, after)
        job |= stand(job, after, now)
        empty = event.outcome is Outcome.SUCCEEDED and not event.images
        if after < Standing.FAILED and (empty or event.outcome is Outcome.UNCLEAR):
            job["ask_at"] = now
        self.changed_jobs[job["id"]] = job

    def _announce(self, job: Row, ref: ImageRef, arrival: Arrival, now: Any) -> None:
        key = rules.image_key(upload=job["upload"], key=ref.key, place=ref.place)
        held = self.images.setdefault(job["id"], {})
        image = held.get(key)
        name = (job["id"], key)
        if image is None:
            image = held[key] = _blank(job["id"], key, number(key, len(held)), now)
            self.fresh_images[name] = image
        elif name not in self.fresh_images:
            self.changed_images[name] = image
        staged = arrival.staged.get(ref.key)
        image["url"] = image["url"] or ref.url
        image["seed"] = image["seed"] or ref.seed
        image["cost_usd"] = image["cost_usd"] or (digits(ref.cost) if ref.cost is not None else None)
        if ref.url and image["expires_at"] is None and (expires := expiry(job["ttl"], arrival)) is not None:
            image["expires_at"] = self.moment(expires)
        if staged and not image["staged_sha256"]:
            image["staged_sha256"] = staged
            image["staged_by"] = "upload" if arrival.delivery.kind is Kind.UPLOAD else "inline"
        if image["sha256"] is None:
            waits = job["upload"] and not image["staged_sha256"] and not arrival.past_us
            due = self.moment(arrival.delivery.received_at + climb.UPLOAD_PATIENCE) if waits else now
            self._assign(name, due, image["expires_at"])

    def _assign(self, name: tuple[str, str], due: Any, expires: Any) -> None:
        """A task for the image; news about it brings an earlier due time, and a dead letter back to life."""
        task = self.tasks.get(name)
        if task is None:
            self.tasks[name] = self.fresh_tasks[name] = {
                "job_id": name[0], "image_key": name[1], "due_at": due, "expires_at": expires, "attempts": 0,
                "dead_at": None,
            }  # fmt: skip
            return
        task["due_at"], task["expires_at"] = min(task["due_at"], due), task["expires_at"] or expires
        if task["dead_at"] is not None:
            task |= {"dead_at": None, "attempts": 0}
        if name not in self.fresh_tasks:
            self.changed_tasks[name] = task

    def _cost(self, job: Row, images: Iterable[Row]) -> str | None:
        """What events said for the whole job (the most of it), else the sum of what was said for each result."""
        said = [Decimal(cost) for _, cost in self.events[job["id"]].values() if cost is not None]
        if said:
            return digits(max(said))
        known = [Decimal(image["cost_usd"]) for image in images if image["cost_usd"] is not None]
        return digits(sum(known, Decimal(0))) if known else job["cost_usd"]


def _blank(job_id: str, key: str, n: int, now: Any) -> Row:
    return {
        "job_id": job_id, "key": key, "n": n, "announced_at": now, "url": None, "seed": None, "cost_usd": None,
        "expires_at": None, "staged_sha256": None, "staged_by": None, "sha256": None,
    }  # fmt: skip


def _distinct(events: tuple[Event, ...]) -> Iterable[Event]:
    return events if len(events) == 1 else {event.id: event for event in events}.values()
