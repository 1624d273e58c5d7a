"""Asks for images: `Submitter` for programs, `submit_sync` for scripts, `proofhook` on the command line.

Loaded when asked for, so that `proofhook --help` answers at once.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from submitter.client import Job as Job
    from submitter.client import Submitter as Submitter
    from submitter.client import submit_sync as submit_sync

__all__ = ["Job", "Submitter", "submit_sync"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from submitter import client  # noqa: PLC0415  see above

        return getattr(client, name)
    raise AttributeError(f"module 'submitter' has no attribute {name!r}")
