"""The answer of /api/v1/now, and of the events that tell of it."""

from receiver.api.models import Brief, Moment, Shape


class Minute(Shape):
    """What came in within one minute, by what became of it."""

    at: Moment
    recorded: int
    duplicate: int
    refused: int


class Speed(Shape):
    """From submit to delivered, for one provider's jobs of the last 24 hours."""

    provider: str
    median_seconds: float
    count: int


class Expiring(Shape):
    """The image whose URL will be gone first."""

    job_id: str
    provider: str
    n: int
    expires_at: Moment


class LastCheckpoint(Shape):
    """When the trail was signed last, and over how many entries."""

    at: Moment
    entries: int


class Now(Shape):
    """What is true at this moment. `delivered`, `failed` and `refused` count from `since` on, the others now.

    `more` names those counts of which there are more than is said: none is counted beyond 50,000.
    """

    since: Moment
    delivered: int
    failed: int
    refused: int
    collecting: int
    waiting: int
    dead: int
    queue: int
    unsealed: int
    more: list[str]
    oldest_out: Moment | None
    minutes: list[Minute]
    seconds: list[Speed]
    soonest: Expiring | None
    checkpoint: LastCheckpoint | None
    latest: list[Brief]
