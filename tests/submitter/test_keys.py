"""Spending keys: from the environment, then `.env`; one that cannot work is named before anything is written."""

from pathlib import Path

import pytest

from receiver import registry
from receiver.errors import Misconfigured
from submitter.keys import find_key, spending_key
from tests.submitter.desk import ALL, open_house

FAL = registry.provider("fal")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of our own to work in, and no key anywhere."""
    monkeypatch.chdir(tmp_path)
    for name in ALL:
        monkeypatch.delenv(registry.provider(name).key_setting, raising=False)
    return tmp_path


def test_the_environment_comes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in the environment wins over the one in `.env`, and loses the spaces around it."""
    (folder / ".env").write_text("FAL_KEY=from-the-file\n")
    monkeypatch.setenv("FAL_KEY", " from-the-environment\n")

    assert spending_key(FAL) == "from-the-environment"


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_the_file_comes_second(folder: Path, monkeypatch: pytest.MonkeyPatch, empty: str | None) -> None:
    """Without a key in the environment, or with an empty one, `.env` is looked at, at that moment."""
    if empty is not None:
        monkeypatch.setenv("FAL_KEY", empty)
    assert find_key(FAL) == ""
    (folder / ".env").write_text("OTHER=1\nFAL_KEY='from-the-file'\n")

    assert spending_key(FAL) == "from-the-file"


@pytest.mark.parametrize("name", ALL)
def test_a_missing_key_is_named(folder: Path, name: str) -> None:
    """The sentence names the variable to set and the provider that wants it."""
    (folder / ".env").write_text("FAL_KEY\nVTRIX_API_KEY=\n")
    provider = registry.provider(name)

    with pytest.raises(Misconfigured, match=f"^{provider.key_setting} is not set; a job at {provider.title}"):
        spending_key(provider)


@pytest.mark.parametrize("key", ["sk-ключ-0123", "sk-01\n23", "sk-01\x0023", "sk-01\u201323"])
def test_a_key_that_no_header_carries_is_named(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """A key damaged by copying is Misconfigured, not a crash half way; the key is not in the sentence."""
    monkeypatch.setattr("submitter.keys.find_key", lambda _: key)

    with pytest.raises(Misconfigured, match=r"^FAL_KEY holds characters") as refusal:
        spending_key(FAL)
    assert "01" not in str(refusal.value)


async def test_a_damaged_key_stops_before_the_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that cannot be sent is found before a row is written."""
    async with open_house(tmp_path) as house:
        monkeypatch.setenv("FAL_KEY", "sk-ключ-0123")
        with pytest.raises(Misconfigured):
            await house.submit("fal")

        assert (house.rows("job"), house.wire.requests) == ([], [])
