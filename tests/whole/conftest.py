"""Spending keys for the sandbox, which takes any."""

import pytest

from tests.whole.stage import KEYS


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.setenv(name, "key")
