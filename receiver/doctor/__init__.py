"""`checks`: what would make callbacks fail, or images be lost, each with a sentence and the mend.

All are made at once and end in time. Nobody is asked anything but our own PUBLIC_URL, the key servers of providers,
and what DATABASE_URL, STORAGE_URL and CHECKPOINT_MIRROR_URL name; nothing is written down there.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime

from receiver import registry
from receiver.doctor import inside, keys, outside
from receiver.doctor.check import Check, unknown
from receiver.ledger.ledger import Ledger
from receiver.log import get_logger
from receiver.settings import Settings
from receiver.storage import Storage
from receiver.wire.provider import Jwks

__all__ = ["Check", "checks"]

ALL = 10.0
"""Seconds for everything."""
Checks = Sequence[Check]

log = get_logger("doctor")


async def checks(
    settings: Settings, ledger: Ledger | None, storage: Storage | None, trust: ssl.SSLContext | None = None
) -> list[Check]:
    """Every check, in an order to read them in. Without `ledger` or `storage` nothing is said of it.

    `trust` are the roots to verify PUBLIC_URL and key servers with, the system's where not given.
    """
    now, context = datetime.now(UTC), trust or ssl.create_default_context()
    servers = [each for each in registry.providers().values() if isinstance(each.keys, Jwks)]
    looks: dict[str, Awaitable[Checks]] = {
        "public URL": outside.checks(settings, context, now, inside.held_secrets(settings)),
        "keys": keys.checks(settings, servers, context),
        "disk": inside.disk(settings),
        "mirror": inside.mirror(settings),
    }
    if storage is not None:
        looks["storage"] = inside.storage(storage)
    if ledger is not None:
        looks["database"] = inside.ledger(ledger, now)
    found = [*inside.secrets(settings)]
    tasks = {name: asyncio.ensure_future(look) for name, look in looks.items()}
    await asyncio.wait(tasks.values(), timeout=ALL)
    for name, task in tasks.items():
        found += _result(name, task)
    return found


def _result(name: str, task: "asyncio.Future[Checks]") -> Checks:
    """What came of it; a defect of ours, or an answer that never came, leaves it unknown."""
    if not task.done():
        task.cancel()
        return [unknown(name, f"there was no answer within {ALL:.0f} seconds")]
    if (error := task.exception()) is not None:
        log.error("defect in the doctor", check=name, exc_info=error)
        return [unknown(name, f"it could not be checked: {type(error).__name__}")]
    return task.result()
