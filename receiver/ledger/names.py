"""What evidence is called: a row by its key, and many rows in one line of the sealer's queue."""

import json
from collections.abc import Sequence


def ref_of(*keys: str) -> str:
    """The name of a row in the trail: its primary key, in one line."""
    return "/".join(keys)


def together(refs: Sequence[str]) -> str:
    """Names as one row of the queue has them: a whole batch of deliveries costs the hot path one row."""
    return refs[0] if len(refs) == 1 and not refs[0].startswith("[") else json.dumps(refs)


def apart(text: str) -> list[str]:
    """What `together` put together; of anything else, itself as the one name."""
    try:
        names = json.loads(text) if text.startswith("[") else [text]
    except ValueError:
        return [text]
    return [str(name) for name in names] if isinstance(names, list) else [text]
