"""What the doctor knows on the side that spends: whether the keys of providers are there. None is shown or tried."""

from collections.abc import Sequence

from receiver import registry
from receiver.doctor.check import Check, bad, good, unknown
from receiver.errors import Misconfigured
from receiver.wire.provider import Provider
from submitter.keys import find_key, spending_key


def keys() -> Sequence[Check]:
    """One for each provider; without any key at all no job can be sent."""
    providers = registry.providers().values()
    if not any(map(find_key, providers)):
        names = ", ".join(each.key_setting for each in providers)
        return [bad("spending keys", "no provider's key is set: no job can be sent", f"set one of {names}")]
    return [_key(each) for each in providers]


def _key(provider: Provider) -> Check:
    name = f"key of {provider.name}"
    if not find_key(provider):
        return unknown(name, f"{provider.key_setting} is not set: no job can be sent to {provider.title}")
    try:
        spending_key(provider)
    except Misconfigured as error:
        return bad(name, str(error), f"{provider.key_setting}: copy the key again")
    return good(name, f"{provider.key_setting} is set")
