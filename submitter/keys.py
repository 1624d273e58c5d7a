"""Spending keys: read here, by the submitter and the reconciler, and nowhere else."""

import os
from pathlib import Path

from dotenv import dotenv_values

from receiver.errors import Misconfigured
from receiver.wire.provider import Provider


def spending_key(provider: Provider) -> str:
    """The key that pays for jobs at this provider. Raises Misconfigured naming the variable."""
    found = find_key(provider)
    if not found:
        raise Misconfigured(f"{provider.key_setting} is not set; a job at {provider.title} needs its key")
    if not (found.isascii() and found.isprintable()):
        raise Misconfigured(f"{provider.key_setting} holds characters that no header can carry; copy the key again")
    return found


def find_key(provider: Provider) -> str:
    """As `spending_key`, but empty where there is none. `.env` is looked at after the environment."""
    found = os.environ.get(provider.key_setting, "").strip()
    if not found and Path(".env").is_file():
        found = (dotenv_values(".env").get(provider.key_setting) or "").strip()
    return found
