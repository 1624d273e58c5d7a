"""Ledger and storage for a look: what cannot be opened is a check, and nothing that is not there yet is made."""

from pathlib import Path

from receiver.doctor.check import Check, bad, unknown
from receiver.errors import Misconfigured
from receiver.ledger.glance import sqlite_file
from receiver.ledger.ledger import Ledger
from receiver.settings import Settings
from receiver.storage import Storage, open_storage
from receiver.storage.addresses import folder_of


def open_ledger(settings: Settings) -> Ledger | Check:
    """To be closed by the caller."""
    file = sqlite_file(settings.database_url)
    if file is not None and not file.exists():
        return unknown("database", f"there is no {file} yet; the first `proofhook serve` makes it")
    try:
        return Ledger(settings.database_url)
    except Misconfigured as error:
        return bad("database", str(error), "DATABASE_URL: do what the sentence says, then look again")


def open_images(settings: Settings) -> Storage | Check:
    try:
        place = folder(settings.storage_url)
        if place is not None and not place.exists():
            return unknown("storage", f"there is no folder {place} yet; the first `proofhook serve` makes it")
        return open_storage(settings.storage_url, settings.account)
    except Misconfigured as error:
        return bad("storage", str(error), "STORAGE_URL: do what the sentence says, then look again")


def folder(storage_url: str) -> Path | None:
    """The folder that STORAGE_URL names; None where it names none. Raises Misconfigured."""
    scheme, _, rest = storage_url.partition(":")
    return folder_of(rest) if scheme.lower() == "file" else None
