"""Every refusal and every failure on one page, named by what happens next.

`slug` is stable: it is in answers, logs, metrics and the delivery row. A message never holds a body, a
secret, a token or a signature. `receiver/app.py` maps each class to its HTTP status.
"""

from typing import ClassVar


class ProofhookError(Exception):
    """What every error of ours is: nothing else escapes."""

    slug: ClassVar[str] = "error"
    about: tuple[str, str] = ("", "")
    """Provider and job id, where they are known: for the log."""


class Refused(ProofhookError):
    """The sender is wrong; sending the same again cannot help."""

    slug = "refused"


class UnknownEndpoint(Refused):
    """The URL is not one that we handed out. Says no more, so that nothing can be probed."""

    slug = "unknown_endpoint"


class Malformed(Refused):
    """The body is not what this provider sends."""

    slug = "malformed"


class WrongRequest(Refused):
    """A believable delivery, but of another job than the one its URL names."""

    slug = "wrong_request"


class TooLarge(Refused):
    """More bytes, or more pixels, than the settings allow."""

    slug = "too_large"


class Unsatisfiable(ProofhookError):
    """The part of a file that was asked for begins behind its end. `size` is the file's, in bytes."""

    slug = "range_not_satisfiable"

    def __init__(self, size: int) -> None:
        super().__init__(f"the range begins behind the end: the file has {size} bytes")
        self.size = size

    @property
    def content_range(self) -> str:
        """What the answer's Content-Range says (RFC 9110 §14.4)."""
        return f"bytes */{self.size}"


class NotAnImage(Refused):
    """The bytes are not of an image format that we store."""

    slug = "not_an_image"


class PlaceTaken(WrongRequest):
    """Different bytes for an upload place that is already filled."""

    slug = "wrong_request"


class BadSignature(Refused):
    """The signature does not verify with any key we trust."""

    slug = "bad_signature"


class StaleTimestamp(BadSignature):
    """Signed too long ago, or too far in the future."""

    slug = "stale_timestamp"


class MissingHeader(BadSignature):
    """A header that the scheme needs is absent, or stands there twice."""

    slug = "missing_header"


class UnknownKey(BadSignature):
    """None of the keys we hold made this signature; a refetch of the keys may help."""

    slug = "unknown_key"


class TryLater(ProofhookError):
    """We are at fault: the sender should keep the delivery and send it again."""

    slug = "try_later"
    retry_after: ClassVar[int] = 5


class KeysUnavailable(TryLater):
    """The provider's key server does not answer and we hold no key of it."""

    retry_after = 30


class LedgerBusy(TryLater):
    """The ledger does not take rows: its queue is full, or the database does not answer."""


class SealedElsewhere(TryLater):
    """Another process has sealed meanwhile: look again, and go on from there."""

    slug = "sealed_elsewhere"


class StorageFull(TryLater):
    """The storage does not take bytes."""

    retry_after = 60


class TaskFailed(ProofhookError):
    """In the worker: a task did not get done."""

    slug = "task_failed"


class Transient(TaskFailed):
    """Worth another attempt."""

    slug = "transient"


class Permanent(TaskFailed):
    """No attempt will help; the task is a dead letter until a person says `retry`."""

    slug = "permanent"


class ProviderRefused(ProofhookError):
    """The provider said no to a job; its own code and message are kept."""

    slug = "provider_refused"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class BadOrder(ProofhookError):
    """The order asks for what this provider cannot do. Names the parameter and what is allowed."""

    slug = "bad_order"


class KeyReused(BadOrder):
    """An idempotency key that stands for another order already."""

    slug = "key_reused"


class NoSuchJob(ProofhookError):
    """The ledger holds no job of that id."""

    slug = "no_such_job"


class NoSuchDelivery(ProofhookError):
    """The ledger holds no delivery of that id."""

    slug = "no_such_delivery"


class Impossible(ProofhookError):
    """What a person asked for cannot be done to this job or delivery; says why, and what can be done instead."""

    slug = "impossible"


class BrokenEvidence(ProofhookError):
    """A proof, a note or an entry of the evidence does not show what it should, or is none."""

    slug = "broken_evidence"


class Misconfigured(ProofhookError):
    """Refuse to start; the message names the setting and the mend."""

    slug = "misconfigured"
