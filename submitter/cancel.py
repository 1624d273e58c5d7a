"""Tell a provider that a job is not wanted any more, where it documents a way to be told."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from receiver import registry
from receiver.acts import asking
from receiver.errors import ProofhookError
from receiver.settings import Settings
from receiver.wire.provider import Provider
from submitter.calls import Caller

ACCEPTED = range(200, 300)


@dataclass(frozen=True, slots=True)
class Told:
    """Whether the provider took the wish, and a sentence on what it said, or on why it was not told."""

    taken: bool
    says: str


async def tell(caller: Caller, settings: Settings, job: Mapping[str, Any]) -> Told:
    """One call with the spending key, made after the job was cancelled here; `job` are its columns of before."""
    if job["called_at"] is None:
        return Told(True, "its provider was never called: nothing was paid")
    try:
        provider = registry.provider(job["provider"])
    except ProofhookError:
        return Told(False, f"no provider {job['provider']} is installed any more: it was not told")
    asked = asking(settings, provider, job)
    call = provider.cancel(asked) if provider.cancel and asked.request_id else None
    if call is None:
        return Told(False, _untold(provider, job))
    try:
        reply = await caller.send(provider, call, asked.base, attempts=2)
    except ProofhookError as error:
        return Told(False, f"{provider.title} could not be told: {error}")
    if reply.status in ACCEPTED:
        return Told(True, f"{provider.title} was told; what it runs already may still finish, and is then kept")
    return Told(False, f"{provider.title} answered HTTP {reply.status}: it may be done already; what comes is kept")


def _untold(provider: Provider, job: Mapping[str, Any]) -> str:
    if provider.cancel is None:
        return f"{provider.title} documents no way to cancel: it may still finish and charge, and what comes is kept"
    missing = "request id" if job["request_id"] is None else "address to cancel at"
    return f"{provider.title} gave no {missing}, so it cannot be told; what comes is kept"
