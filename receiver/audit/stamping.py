"""The stamper: now and then it has the newest checkpoint stamped by an authority (RFC 3161), beside the sealer.

A stamp says that the checkpoint, and so the whole tree under it, was there at a time that is not ours to choose. It is
kept in one transaction with its place in the queue to be sealed: whoever dies before that has asked in vain, no more.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from http import HTTPStatus
from importlib import import_module
from urllib.parse import urlsplit

from cryptography import x509

from receiver.audit import timestamp
from receiver.audit.timestamp import MAX_BYTES, Stamp
from receiver.errors import BrokenEvidence, Misconfigured, ProofhookError, TryLater
from receiver.ledger import stamps
from receiver.ledger.duties import Duty
from receiver.ledger.ledger import Ledger
from receiver.ledger.stamps import Stamped
from receiver.log import get_logger
from receiver.settings import LOOPBACK, Settings

PAUSE = 10.0
"""Seconds between two looks whether a stamp is due."""
SECONDS = 10.0
"""That an authority has for its whole answer."""
FIRST, LONGEST = timedelta(minutes=1), timedelta(hours=1)
"""Until an authority that failed is asked again: each time twice as long."""
_HEADERS = {
    "content-type": "application/timestamp-query",
    "accept": "application/timestamp-reply",
    "accept-encoding": "identity",  # a compressed body would hide its size
}

log = get_logger("stamper")


class Stamper:
    """`url` is the authority's (RFC 3161 §3.4), `trusted` its roots: with none, answers are kept as they come."""

    def __init__(
        self,
        ledger: Ledger,
        url: str,
        trusted: Sequence[x509.Certificate],
        every: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._ledger, self._url, self._trusted = ledger, url, tuple(trusted)
        self._every, self._clock = every, clock
        self._failed = 0
        self._next_at: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, while no other process does: have stamped what is due."""
        async with Duty(self._ledger, "stamp", self._clock) as duty:
            while not stop.is_set():
                if duty.held:
                    await self.look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), PAUSE)

    async def look(self) -> None:
        """Work, unless it failed a short while ago. That it fails is said once, and so is that it does no more."""
        now = self._clock()
        if self._next_at is not None and now < self._next_at <= now + LONGEST:  # further ahead: the clock went back
            return
        try:
            await self.work()
        except Exception as error:  # noqa: BLE001  the process goes on: it has more to do than this
            rest = min(FIRST * 2 ** min(self._failed, 10), LONGEST)
            self._failed, self._next_at = self._failed + 1, now + rest
            if self._failed == 1:
                told = str(error) if isinstance(error, ProofhookError) else repr(error)
                log.warning("checkpoints get no timestamps", authority=place(self._url), error=told)
            return
        if self._failed:
            log.info("checkpoints get timestamps again", authority=place(self._url))
        self._failed, self._next_at = 0, None

    async def work(self) -> bool:
        """Have the newest checkpoint stamped when it is time; whether it was.

        Raises TryLater where the authority or the ledger does not answer, BrokenEvidence for an answer that is none.
        """
        now = self._clock()
        if await self._ledger.read(lambda c: stamps.asked_within(c, now - self._every, now)):
            return False
        found = await self._ledger.read(stamps.unstamped)
        if found is None:
            return False
        n, note = found
        question = timestamp.ask(note)
        response = await answer(self._url, question.data)
        stamp = self._good(response, note, question.nonce)
        row = Stamped(stamps.name(note), n, place(self._url), now, stamp.at, response)
        kept = await self._ledger.fact(lambda c: stamps.add(c, row))
        if kept:
            log.info("checkpoint stamped", checkpoint=n, by=stamp.by, at=stamp.at.isoformat())
        return kept

    def _good(self, response: bytes, note: bytes, nonce: int) -> Stamp:
        """Raises BrokenEvidence."""
        stamp = timestamp.read(response, note)
        if stamp.nonce != nonce:
            raise BrokenEvidence("the answer has not our nonce: it is one to another question")
        if self._trusted:
            timestamp.verify(response, note, self._trusted)
        if own := timestamp.too_early(stamp, note):
            said = f"it says {stamp.at.isoformat()}, the checkpoint {own}"
            raise BrokenEvidence(f"the authority's clock is well behind ours: {said}; one of them is wrong")
        return stamp


async def answer(url: str, question: bytes) -> bytes:
    """What the authority answers, at most MAX_BYTES. Raises TryLater where there is nothing to be had."""
    httpx = await asyncio.to_thread(import_module, "httpx")  # slow to import, and not in the event loop
    # A proxy from the environment may lead to an authority, never to ourselves.
    direct = {f"all://{f'[{host}]' if ':' in host else host}": None for host in LOOPBACK}
    body = bytearray()
    try:
        async with (
            asyncio.timeout(SECONDS),
            httpx.AsyncClient(timeout=SECONDS, follow_redirects=False, mounts=direct) as client,
            client.stream("POST", url, content=question, headers=_HEADERS) as said,
        ):
            if said.status_code != HTTPStatus.OK:
                raise TryLater(f"the authority answered with status {said.status_code}")
            async for chunk in said.aiter_raw():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise TryLater(f"the authority answered with more than {MAX_BYTES} bytes")
    except TimeoutError:
        raise TryLater(f"the authority did not answer within {SECONDS:.0f} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TryLater(f"the authority does not answer ({type(error).__name__})") from None
    return bytes(body)


def place(url: str) -> str:
    """The address without a user's name and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def open_stamper(ledger: Ledger, settings: Settings, clock: Callable[[], datetime]) -> Stamper | None:
    """The stamper of this house; None without TSA_URL. Raises Misconfigured."""
    if not settings.tsa_url:
        return None
    if not timestamp.installed():
        raise Misconfigured(f"TSA_URL: timestamps need one more package: {timestamp.INSTALL}")
    every = timedelta(seconds=settings.tsa_every)
    return Stamper(ledger, settings.tsa_url, timestamp.roots(settings.tsa_roots), every, clock)
