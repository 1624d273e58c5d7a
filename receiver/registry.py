"""Every provider by its name: the built-in ones, and those that installed packages bring.

A package brings one with an entry point in the group `proofhook.providers`, whose value is a `Provider`; it is
trusted as code is, once installed, but may not take a built-in provider's name.
"""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from receiver.errors import BadOrder, Misconfigured, UnknownEndpoint
from receiver.wire.provider import Provider
from receiver.wire.providers import fal, fireworks, runware, vtrix

GROUP = "proofhook.providers"
BUILT_IN = (fal.PROVIDER, fireworks.PROVIDER, runware.PROVIDER, vtrix.PROVIDER)


@cache
def providers() -> Mapping[str, Provider]:
    """All of them, loaded once. Raises Misconfigured for a plug-in that cannot be used."""
    found = {each.name: each for each in BUILT_IN}
    for point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        loaded = _load(point)
        if loaded.name in found:
            raise Misconfigured(f"the plug-in {_where(point)} takes the name {loaded.name}: uninstall it, or rename it")
        found[loaded.name] = loaded
    return MappingProxyType(found)


def provider(name: str) -> Provider:
    """Raises UnknownEndpoint: an unknown provider answers as a wrong token does."""
    found = providers().get(name)
    if found is None:
        raise UnknownEndpoint("no such endpoint")
    return found


def named(name: str) -> Provider:
    """A provider as who orders names it. Raises BadOrder listing the providers there are."""
    try:
        return provider(name)
    except UnknownEndpoint:
        raise BadOrder(f"there is no provider {name!r}; there are: {', '.join(sorted(providers()))}") from None


def _load(point: EntryPoint) -> Provider:
    try:
        value = point.load()
    except Exception as error:
        raise Misconfigured(f"the plug-in {_where(point)} does not load ({error!r}): mend or uninstall it") from error
    if not isinstance(value, Provider):
        raise Misconfigured(f"the plug-in {_where(point)} is no Provider: mend or uninstall it")
    return value


def _where(point: EntryPoint) -> str:
    return f"{point.name} ({point.value})"
