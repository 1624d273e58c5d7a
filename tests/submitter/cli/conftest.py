"""Every test of the command has an empty house: a folder, its own database and no setting of whoever runs the tests."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from receiver.settings import Settings
from tests.submitter.cli.stage import KEYS, SECRET, House


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[House]:
    for name in (*(field.upper() for field in Settings.model_fields), *KEYS, "PROOFHOOK_DEBUG", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    made = House(tmp_path, monkeypatch, capsys)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", made.database)
    monkeypatch.setenv("STORAGE_URL", f"file:{tmp_path}/images")
    monkeypatch.setenv("PROOFHOOK_SECRET", SECRET)
    monkeypatch.setenv("ADMIN_TOKEN", SECRET)
    handlers = list(logging.getLogger().handlers)
    yield made
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = handlers
