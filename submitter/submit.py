"""Send a job: prepare → open the row → compose → call → note. The row stands before the provider is called."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from receiver.errors import Malformed, Misconfigured, ProviderRefused
from receiver.ledger.ids import job_id as new_job_id
from receiver.ledger.jobs import Opening
from receiver.log import get_logger
from receiver.road import Road
from receiver.settings import Settings
from receiver.storage import slot
from receiver.wire import tokens
from receiver.wire.orders import Call, Endpoints, Order, Prepared, Reply
from receiver.wire.provider import Provider
from receiver.wire.types import Failure
from submitter.calls import Caller, NeverSent, NoAnswer
from submitter.intake import digest, kept, light
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
        return self.road.settings.base(provider.url_setting) or provider.api

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
        opening = await self._opening(provider, order, prepared, dict(tags or {}), idempotency_key)
        call = await self.compose(provider, opening.id, prepared)
        job_id, new = await self.road.ledger.opened(opening)
        if new:
            await self.send(provider, job_id, call)
        return job_id

    async def compose(self, provider: Provider, job_id: str, prepared: Prepared) -> Call:
        """The one call of a job, with the URLs and the secret of its own. Raises BadOrder, StorageFull."""
        given = endpoints(self.road.settings, provider, job_id, prepared)
        if given.uploads and self.road.settings.uploads_to == "storage":
            given = replace(given, uploads=await self._presigned(job_id, len(given.uploads)))
        return provider.compose(job_id, prepared, given, self.base(provider))

    async def _presigned(self, job_id: str, count: int) -> tuple[str, ...]:
        """URLs that lead past us, into the storage itself, for as long as the job may take. Raises Misconfigured."""
        lasting = timedelta(seconds=self.road.settings.job_deadline)
        urls = [await self.road.storage.presign_put(slot(job_id, place), lasting) for place in range(count)]
        if None in urls:
            raise Misconfigured("UPLOADS_TO: storage needs STORAGE_URL=s3://bucket/prefix")
        return tuple(url for url in urls if url is not None)

    async def _opening(
        self, provider: Provider, order: Order, prepared: Prepared, tags: dict[str, str], idempotency_key: str | None
    ) -> Opening:
        now = self.road.clock()
        written = await kept(order, self.road.storage)
        return Opening(
            id=new_job_id(now),
            provider=provider.name,
            model=prepared.model,
            order=written,
            order_digest=digest(written),
            params=light(prepared.params),
            expected=prepared.expected,
            upload=prepared.upload,
            created_at=now,
            deadline_at=now + timedelta(seconds=self.road.settings.job_deadline),
            ask_at=now + provider.pace.first,
            tags=tags,
            idempotency_key=idempotency_key,
        )

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


def endpoints(settings: Settings, provider: Provider, job_id: str, prepared: Prepared) -> Endpoints:
    """The URLs and the secret of one job: arithmetic on our own key, so none of them is stored."""
    keys, public = settings.secrets, settings.public
    hook = f"{public}/hooks/{provider.name}/{tokens.mint(keys, 'hook', provider.name, job_id)}"
    places = range(prepared.expected if prepared.upload else 0)
    uploads = tuple(
        f"{public}/uploads/{provider.name}/{tokens.mint(keys, 'upload', provider.name, job_id, place)}"
        for place in places
    )
    return Endpoints(hook, uploads, tokens.secret(keys, provider.name, job_id))
