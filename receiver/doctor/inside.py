"""What stands on our own side: secrets, disk, database, storage, mirror, and whether the others are at work."""

import asyncio
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from receiver.audit.mirror import open_mirror
from receiver.audit.seal import QUIET
from receiver.doctor.check import Check, bad, good, unknown
from receiver.doctor.opening import folder
from receiver.errors import ProofhookError
from receiver.keyfile import key_file
from receiver.ledger import vitals
from receiver.ledger.glance import HEAD, sqlite_file
from receiver.ledger.ledger import Ledger
from receiver.settings import Settings
from receiver.storage import Storage

ROOM = 2**30
"""Bytes that should be free: a dozen of the largest images, and what the database needs to fold its log."""
SERVE = "start `proofhook serve`"
LATE = 2 * QUIET
"""A checkpoint is signed each quiet hour; twice that without one is a stop."""


def secrets(settings: Settings) -> Sequence[Check]:
    """Whether our own secrets were set, or lie in a file that they were made in."""
    names = [name for name in ("PROOFHOOK_SECRET", "ADMIN_TOKEN") if not getattr(settings, name.lower())]
    if not names:
        return [good("secrets", "PROOFHOOK_SECRET and ADMIN_TOKEN are set")]
    which, file = " and ".join(names), key_file(settings.database_url)
    if file is None:
        return [bad("secrets", f"{which}: not set", "set both; `proofhook keys new` makes one")]
    if not file.exists():
        return [unknown("secrets", f"{which}: not set, and made in {file} on the first start")]
    kept = f"{which}: made by us, in {file}; who loses that file loses every callback that is out"
    return [good("secrets", kept)]


def held_secrets(settings: Settings) -> tuple[bytes, ...]:
    """PROOFHOOK_SECRET, oldest first; nothing where there is none yet: a look makes no secrets in passing."""
    file = key_file(settings.database_url)
    try:
        return settings.secrets if settings.proofhook_secret or (file and file.exists()) else ()
    except ProofhookError:
        return ()


async def disk(settings: Settings) -> Sequence[Check]:
    """Free room where the database and the images stand."""
    places = {"DATABASE_URL": sqlite_file(settings.database_url), "STORAGE_URL": folder(settings.storage_url)}
    return [await asyncio.to_thread(_room, name, place) for name, place in places.items() if place is not None]


def _room(name: str, place: Path) -> Check:
    there = next(folder for folder in (place.absolute(), *place.absolute().parents) if folder.exists())
    free = shutil.disk_usage(there).free
    says = f"{free / 2**30:.1f} GiB are free where {name} stands"
    mend = f"make room on that disk, or let {name} name another place"
    return good(f"disk of {name}", says) if free >= ROOM else bad(f"disk of {name}", says, mend)


async def storage(found: Storage) -> Sequence[Check]:
    """Whether bytes would be taken now."""
    try:
        await found.ready()
    except ProofhookError as error:
        return [bad("storage", str(error), "STORAGE_URL: let it be written to, and give it room")]
    return [good("storage", "the storage takes bytes")]


async def mirror(settings: Settings) -> Sequence[Check]:
    """Whether the second place for checkpoints answers."""
    if not settings.checkpoint_mirror_url:
        return []
    try:
        found = open_mirror(settings)
        rooms = await found.rooms() if found else []
    except ProofhookError as error:
        return [bad("mirror", str(error), "CHECKPOINT_MIRROR_URL: name a place that answers")]
    return [good("mirror", "the mirror answers" if rooms else "the mirror answers, and holds no checkpoint yet")]


async def ledger(found: Ledger, now: datetime) -> Sequence[Check]:
    """Whether database and schema answer, and whether somebody seals, reconciles and collects."""
    try:
        await found.ready()
        seen = await found.read(lambda c: vitals.vitals(c, now))
    except ProofhookError as error:
        return [bad("database", str(error), "DATABASE_URL: start the database, or name one that answers")]
    return [good("database", f"the database answers, its schema is {HEAD}"), *_alive(seen, now)]


def _alive(seen: vitals.Vitals, now: datetime) -> Sequence[Check]:
    asks = good("reconciler", "a reconciler is at work")
    mute = bad("reconciler", "nobody asks about late jobs", SERVE)
    return [asks if seen.reconciling else mute, _sealer(seen, now), _worker(seen)]


def _sealer(seen: vitals.Vitals, now: datetime) -> Check:
    at = seen.checkpoint_at
    last = f"the newest checkpoint is of {at:%Y-%m-%d %H:%M:%S}Z" if at else "there is no checkpoint yet"
    if not seen.sealing:
        return bad("sealer", f"nobody seals what comes in; {last}", SERVE)
    if at is None or now - at > LATE:
        return bad("sealer", f"a sealer runs, yet {last}", "read its log: it says why it cannot sign or mirror")
    return good("sealer", f"a sealer is at work; {last}")


def _worker(seen: vitals.Vitals) -> Check:
    if seen.overdue:
        waits = f"{seen.overdue} images wait" if seen.overdue > 1 else "an image waits"
        return bad("worker", f"{waits} to be collected, and nobody does so", SERVE)
    if seen.collecting:
        return good("worker", "a worker is collecting images")
    return unknown("worker", "no image waits to be collected, so nothing shows whether a worker runs")
