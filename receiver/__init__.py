"""Hears the answers; faces the internet. `from receiver import create_app` gives an ASGI app to serve or mount.

Loaded when asked for: whoever imports `receiver.wire` alone does not pay for a web framework.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from receiver.app import create_app as create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    if name == "create_app":
        from receiver.app import create_app  # noqa: PLC0415  see above

        return create_app
    raise AttributeError(f"module 'receiver' has no attribute {name!r}")
