"""What a bundle may leave out: the names that a person writes, and what goes with them. Pure."""

from collections.abc import Iterable, Mapping

from receiver.errors import BadOrder
from receiver.ledger.evidence import KINDS

PICTURES, BODY = "pictures", "body"
GROUPS: Mapping[str, tuple[str, ...]] = {
    "prompt": ("order_json", "params", BODY, "error_message"),
    "order": ("order_json", "params", "tags", "idempotency_key"),
}
"""Friendly names. A provider's answer may repeat the prompt, and so may its sentence about an error."""
WITH: Mapping[str, tuple[str, ...]] = {
    BODY: ("body_sha256",),
    "order_json": ("order_digest",),
    "params": ("order_digest",),
}
"""What would tell of a field that is left out: a short one can be guessed from its plain hash."""
_HIDDEN = {name for kind in KINDS.values() if kind.name != "stamp" for name in kind.hidden}
"""Of the kinds that a bundle has entries of."""
FIELDS = (*sorted(_HIDDEN - {"body_sha256"} | {BODY}), PICTURES)


def left_out(names: Iterable[str]) -> frozenset[str]:
    """Every field that goes when these are named. Raises BadOrder for a name that is none."""
    gone: set[str] = set()
    for name in names:
        if name not in FIELDS and name not in GROUPS:
            raise BadOrder(f"--redact: there is no {name!r:.60}; write one of {', '.join((*GROUPS, *FIELDS))}")
        gone.update(GROUPS.get(name, (name,)))
    return frozenset(gone.union(*(WITH.get(name, ()) for name in gone)))
