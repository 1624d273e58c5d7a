"""On what a test runs: a file and a folder, or a server and an object store."""

import pytest

EVERYWHERE = pytest.mark.parametrize("backend", ["file", "server"], indirect=True)
"""For what the ledger reads or the storage holds; all else runs on a file and a folder alone."""
