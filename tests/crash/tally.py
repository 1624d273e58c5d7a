"""The count at the end: what was acknowledged against what is there, read without any of our own code."""

import hashlib
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from receiver.ledger.database import address
from tests.crash.traffic import Traffic


@dataclass(slots=True)
class Tally:
    """`lost`: acknowledged, and not there. `doubled`: there twice. `missing`: delivered, and no such file."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    half_written: list[str] = field(default_factory=list)

    def wrong(self) -> dict[str, list[str]]:
        return {name: found for name, found in asdict(self).items() if found}

    def counts(self) -> dict[str, int]:
        return {name: len(found) for name, found in asdict(self).items()}


def rows(database_url: str, query: str) -> list[tuple[Any, ...]]:
    engine = create_engine(address(database_url))
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]
    finally:
        engine.dispose()


def unfinished(database_url: str) -> list[str]:
    """Jobs that are not delivered."""
    found = rows(database_url, "SELECT id, status FROM job WHERE status <> 'delivered'")
    return [f"{job_id} is {status}" for job_id, status in found]


def count(database_url: str, images: Path, traffic: Traffic) -> Tally:
    """Compare what was acknowledged, and what the pictures are, with rows and files."""
    tally = Tally(unfinished=unfinished(database_url), refused=list(traffic.refused))
    _deliveries(tally, database_url, traffic)
    _pictures(tally, database_url, images, traffic)
    _files(tally, images)
    return tally


def _deliveries(tally: Tally, database_url: str, traffic: Traffic) -> None:
    found = rows(database_url, "SELECT job_id, body_sha256, verdict FROM delivery WHERE kind <> 'answer'")
    stored = Counter((job_id, digest) for job_id, digest, verdict in found if verdict in {"verified", "unsigned"})
    tally.lost += [f"{job} {digest}" for job, digest in traffic.acknowledged if (job, digest) not in stored]
    tally.doubled += [f"delivery {key}" for key, times in stored.items() if times > 1]
    twice = "SELECT job_id, delivery_id FROM event GROUP BY job_id, delivery_id HAVING count(*) > 1"
    tally.doubled += [f"event {row}" for row in rows(database_url, twice)]


def _pictures(tally: Tally, database_url: str, images: Path, traffic: Traffic) -> None:
    held: dict[str, list[str]] = {}
    for job_id, digest in rows(database_url, "SELECT job_id, sha256 FROM image"):
        held.setdefault(job_id, []).append(digest)
    for job_id, expected in traffic.expected.items():
        here = held.get(job_id, [])
        tally.doubled += [f"image of {job_id}" for _ in range(len(here) - len(set(here)))]
        tally.doubled += [f"image of {job_id}: {digest}" for digest in set(here) - expected]
        tally.missing += [f"image of {job_id}: {digest}" for digest in expected - set(here)]
        tally.missing += [digest for digest in here if not (images / str(digest)[:2] / str(digest)).is_file()]
    wanted = "SELECT body_sha256 FROM delivery WHERE body IS NULL"
    tally.missing += [f"body {d}" for (d,) in rows(database_url, wanted) if not (images / d[:2] / d).is_file()]


def _files(tally: Tally, images: Path) -> None:
    """Each file is named by its hash, and whole; what died half written lies apart, and is swept later."""
    for path in images.rglob("*"):
        if (
            path.is_file()
            and path.parent.name != ".partial"
            and ".derived" not in path.parts
            and hashlib.sha256(path.read_bytes()).hexdigest() != path.name
        ):
            tally.half_written.append(path.name)
