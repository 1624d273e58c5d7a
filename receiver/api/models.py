"""What programs are answered, as pydantic models: every answer is made by one, and the OpenAPI document of them.

Jobs, images and deliveries are in the contract's words, the same that `proofhook show --json` prints.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339 in UTC with microseconds and `Z`."""
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
"""SHA-256, in hex."""
Status = Literal["pending", "submitted", "succeeded", "delivered", "failed", "expired", "cancelled"]


class Shape(BaseModel):
    """An answer has the fields that are written here, and no other."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(Shape):
    """Why there is no other answer (RFC 9457). `error` is our stable slug, `detail` a sentence for people."""

    type: str
    title: str
    status: int
    detail: str
    error: str


class Failure(Shape):
    """The provider's own code and message."""

    code: str
    message: str | None


class Image(Shape):
    """A result: announced (promised), stored (here), or dead (given up until `retry`)."""

    n: int
    state: Literal["announced", "stored", "dead"]
    sha256: str | None
    media_type: str | None
    width: int | None
    height: int | None
    bytes: int | None
    url: str | None
    seed: str | None
    arrived_by: str | None
    attempts: int
    error: str | None
    stored_at: Moment | None
    expires_at: Moment | None
    path: str | None


class Delivery(Shape):
    """One request that came in, believed or refused; `reason` says why it was refused."""

    id: str
    received_at: Moment
    provider: str
    job_id: str | None
    kind: str
    verdict: str
    reason: str | None
    scheme: str | None
    key_id: str | None
    signed_at: Moment | None
    body_sha256: str
    body_bytes: int
    repeats: int


class Brief(Shape):
    """A job without its deliveries. Seeds are strings: some are more than a JSON reader's number holds."""

    id: str
    provider: str
    model: str
    request_id: str | None
    status: Status
    created_at: Moment
    submitted_at: Moment | None
    finished_at: Moment | None
    delivered_at: Moment | None
    deadline_at: Moment
    params: dict[str, Any]
    tags: dict[str, Any]
    error: Failure | None
    cost_usd: str | None
    images: list[Image]


class Job(Brief):
    """A job with all that hangs on it; of deliveries the newest, newest first."""

    deliveries: list[Delivery]


class JobList(Shape):
    """Newest first. `next` is the cursor of the page behind this one, null at the end.

    A search may end before a page is full: then it has looked at everything since `looked_to`, and `next` goes on.
    """

    jobs: list[Job]
    next: str | None
    looked_to: Moment | None


class DeliveryList(Shape):
    """As JobList, of deliveries."""

    deliveries: list[Delivery]
    next: str | None
    looked_to: Moment | None


class Header(Shape):
    """One header line as it came; bytes that are no UTF-8 are told as U+FFFD."""

    name: str
    value: str


class DeliveryDetail(Delivery):
    """A delivery as it came. `body` is text, or base64 where it is no UTF-8; null where it is not kept.

    The bytes of an upload are the image itself, and not repeated here.
    """

    key_fingerprint: str | None
    headers: list[Header]
    body: str | None
    body_encoding: Literal["utf-8", "base64"] | None


class Retried(Shape):
    """How many were taken up again: `images` to collect, and whether the provider is `asked`."""

    id: str
    status: Status
    retried: int
    images: int
    asked: bool


class Refusal(Shape):
    """Why a delivery was refused: the slug, and the sentence."""

    error: str
    detail: str


class Redelivered(Shape):
    """What came of a delivery that was run again: a delivery of its own, a duplicate of what is known, or refused."""

    id: str
    delivery_id: str | None
    duplicate: bool
    refused: Refusal | None
