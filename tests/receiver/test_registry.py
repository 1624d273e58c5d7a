from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from receiver import registry
from receiver.errors import Misconfigured, UnknownEndpoint

EXTRA = replace(registry.BUILT_IN[0], name="extra")
IMPOSTOR = replace(EXTRA, name="runware")


def brings(monkeypatch: pytest.MonkeyPatch, *values: str) -> None:
    points = EntryPoints(EntryPoint(f"plugin{n}", value, registry.GROUP) for n, value in enumerate(values))
    monkeypatch.setattr(registry, "entry_points", lambda group: points.select(group=group))


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    registry.providers.cache_clear()
    yield
    registry.providers.cache_clear()


def test_built_in() -> None:
    """Every built-in provider is found by its name, and the table cannot be written to."""
    assert {"fal", "fireworks", "runware", "vtrix"} <= set(registry.providers())
    assert registry.provider("fal").name == "fal"
    assert not hasattr(registry.providers(), "__setitem__")


@pytest.mark.parametrize("name", ["", "FAL", "fal ", "../fal", "\udcff"])
def test_unknown(name: str) -> None:
    """An unknown provider is refused as a wrong token is."""
    with pytest.raises(UnknownEndpoint, match=r"^no such endpoint$"):
        registry.provider(name)


def test_plug_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package brings a provider, which is loaded once."""
    brings(monkeypatch, f"{__name__}:EXTRA")

    assert registry.provider("extra") is EXTRA
    assert registry.providers() is registry.providers()


@pytest.mark.parametrize("name", ["IMPOSTOR", "absent", "brings", "EXTRA.nothing"])
def test_a_bad_plug_in_stops_the_start(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A plug-in that takes a built-in's name, does not load or is no provider is named, and nothing starts."""
    brings(monkeypatch, f"{__name__}:{name}")

    with pytest.raises(Misconfigured, match="plugin0"):
        registry.providers()


def test_two_plug_ins_of_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of two plug-ins silently wins."""
    brings(monkeypatch, f"{__name__}:EXTRA", f"{__name__}:EXTRA")

    with pytest.raises(Misconfigured, match="plugin1"):
        registry.providers()
