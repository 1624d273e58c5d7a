"""Spending keys for the sandbox, which takes any, and a provider that is asked soon."""

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest

from receiver import registry
from tests.whole.stage import KEYS

SOON = timedelta(seconds=0.3)
"""When Vtrix, which never calls back, is asked first: its sandbox takes a tenth of the real time, too."""


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.setenv(name, "key")


@pytest.fixture(autouse=True)
def _asked_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    vtrix = registry.provider("vtrix")
    soon = {"vtrix": replace(vtrix, pace=replace(vtrix.pace, first=SOON))}
    known = MappingProxyType({**registry.providers(), **soon})
    monkeypatch.setattr(registry, "providers", lambda: known)
