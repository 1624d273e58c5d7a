"""A SQLite ledger for a test without its migrations: a copy of one that was migrated once.

A migrated file costs 45 ms of CPU and a copy one; whoever tests how a file comes to be gives a path that is not there.
"""

import functools
import tempfile
from pathlib import Path


@functools.cache
def _template() -> bytes:
    from receiver.ledger.schema import migrate

    with tempfile.TemporaryDirectory(prefix="proofhook-sqlite-") as folder:
        file = Path(folder) / "ledger.db"
        migrate(f"sqlite:///{file}")
        return file.read_bytes()


def ready(file: Path) -> str:
    """The URL of that file, which has the present schema from here on; one that is there already is left as it is."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_template())
    return f"sqlite:///{file}"
