"""A process of its own that reads one file's C2PA credentials: `python -I child.py FILE MEDIA_TYPE`, JSON on stdout.

A native library parses what strangers made, so it does that where it can take nothing along: with no secrets in its
environment, little memory and time, no files to write, and no network. Imports nothing of ours. Validation follows
C2PA 2.2 §15; its states are c2pa-rs's Invalid, Valid and Trusted.
"""

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

SECONDS = 5
MEMORY = 2 << 30
"""Bytes of address space, most of them never touched."""
LONGEST = 200
"""Characters of each fact."""
OFFLINE = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "core": {"allowed_network_hosts": [], "max_decompressed_manifest_size_in_mb": 16},
}
_UNTRUSTED = "signingCredential.untrusted"
"""Not a fault here: no list of trusted signers comes with us."""


def confine() -> None:
    """Take from this process what reading does not need; where the system knows no limits, time alone is bounded."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415  not on Windows

        for what, most in (
            (resource.RLIMIT_CPU, SECONDS),
            (resource.RLIMIT_AS, MEMORY),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(what, (most, most))


def read(path: Path, media_type: str) -> dict[str, str | None]:
    """The facts; whatever goes wrong is `unreadable`."""
    try:
        import c2pa  # type: ignore[import-untyped]  # noqa: PLC0415  behind the limits
    except (ImportError, OSError, RuntimeError):
        return {"state": "present", "detail": "c2pa-python cannot be loaded on this machine"}
    try:
        context = c2pa.Context.from_dict(OFFLINE)
        with path.open("rb") as file, c2pa.Reader(media_type, file, context=context) as reader:
            return _facts(json.loads(reader.json()))
    except Exception as error:  # noqa: BLE001  the binding's errors have no common end; each means the same here
        return {"state": "unreadable", "detail": _text(str(error) or type(error).__name__)}


def _facts(store: dict[str, Any]) -> dict[str, str | None]:
    active = store["manifests"][store["active_manifest"]]
    signed, makers = active.get("signature_info") or {}, active.get("claim_generator_info") or [{}]
    generator = " ".join(filter(None, (makers[0].get("name"), makers[0].get("version"))))
    faults = [each.get("code") for each in store.get("validation_status") or ()]
    return {
        "state": "valid" if store.get("validation_state") in {"Valid", "Trusted"} else "invalid",
        "issuer": _text(signed.get("issuer") or signed.get("common_name")),
        "generator": _text(generator or active.get("claim_generator")),
        "signed_at": _text(signed.get("time")),
        "source_type": _text(_source_type(active.get("assertions") or ())),
        "detail": _text(next((code for code in faults if code != _UNTRUSTED), None)),
    }


def _source_type(assertions: Any) -> str | None:
    """Of the first action that names one (C2PA 2.2 §18, actions)."""
    actions = (
        action
        for assertion in assertions
        if str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", ())
    )
    return next((found for action in actions if (found := action.get("digitalSourceType"))), None)


def _text(value: Any) -> str | None:
    return value[:LONGEST] if isinstance(value, str) and value else None


if __name__ == "__main__":
    confine()
    sys.stdout.write(json.dumps(read(Path(sys.argv[1]), sys.argv[2])))
