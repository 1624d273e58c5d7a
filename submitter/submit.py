"""Send a job: prepare → open the row → compose → call → note. The row stands before the provider is called."""

from collections.abc import Mapping
from dataclasses import dataclass

from receiver import outgoing
from receiver.errors import Malformed, ProviderRefused
from receiver.ledger.ids import job_id as new_job_id
from receiver.log import get_logger
from receiver.road import Road
from receiver.wire.orders import Call, Order, Prepared, Reply
from receiver.wire.provider import Provider
from receiver.wire.types import Failure
from submitter.calls import Caller, NeverSent, NoAnswer
from submitter.keys import spending_key

log = get_logger("submitter")
FIRST_SERVER_ERROR = 500
TRY_AGAIN = 503


@dataclass(frozen=True, slots=True)
class Desk:
    """What it takes to send jobs: the road (ledger, storage, settings, clock) and a caller."""

    road: Road
    caller: Caller

    async def aclose(self) -> None:
        await self.caller.aclose()
        await self.road.aclose()

    def base(self, provider: Provider) -> str:
        """The base URL of the provider's API: the setting's, or its own."""
        return outgoing.base(self.road.settings, provider)

    async def submit(
        self,
        provider: Provider,
        order: Order,
        *,
        tags: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> str:
        """Send an order; returns the job's id. Raises BadOrder and Misconfigured before anything is spent or written.

        What the provider says is in the job's row afterwards, a refusal too: look there.
        """
        prepared = provider.prepare(order)
        spending_key(provider)
        opening = await outgoing.opening(
            self.road, provider, order, prepared, new_job_id(self.road.clock()),
            tags=tags, idempotency_key=idempotency_key,
        )  # fmt: skip
        call = await self.compose(provider, opening.id, prepared)
        job_id, new = await self.road.ledger.opened(opening)
        if new:
            await self.send(provider, job_id, call)
        return job_id

    async def compose(self, provider: Provider, job_id: str, prepared: Prepared) -> Call:
        """The one call of a job. Raises BadOrder, StorageFull, Misconfigured."""
        return await outgoing.compose(self.road, provider, job_id, prepared)

    async def send(self, provider: Provider, job_id: str, call: Call) -> None:
        """Make the one call of a job whose row stands, and write down how it went; never a second call."""
        ledger, base = self.road.ledger, self.base(provider)
        if not await ledger.called(job_id, self.road.clock()):
            return
        try:
            said = provider.acknowledged(_answered(provider, await self.caller.send(provider, call, base)), job_id)
        except NeverSent as error:
            await ledger.failed(job_id, Failure(error.slug, str(error)), self.road.clock())
        except ProviderRefused as error:
            await ledger.failed(job_id, Failure(error.code, error.message), self.road.clock())
        except (NoAnswer, Malformed) as error:
            # Sending again could be paid twice: the job waits for its callback, and the reconciler asks about it.
            log.warning("no usable answer; not sent again", job=job_id, provider=provider.name, error=str(error))
        else:
            if not await ledger.noted(job_id, said, self.road.clock()):
                log.error("a callback before the acknowledgement named another request; disowned", job=job_id)


def _answered(provider: Provider, reply: Reply) -> Reply:
    """The reply, unless it is a server's error that leaves open whether the job was taken. Raises NoAnswer."""
    if reply.status >= FIRST_SERVER_ERROR and reply.status != TRY_AGAIN:
        raise NoAnswer(f"{provider.title} answered HTTP {reply.status}, which says nothing about the job")
    return reply
