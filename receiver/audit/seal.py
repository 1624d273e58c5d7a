"""The sealer: takes evidence from the queue in order, appends it to the tree, and signs checkpoints.

Reading, hashing and signing happen outside the transaction, which only adds rows: callbacks hardly notice. Two at
once do no harm: the tree's size is looked at in the transaction, and the later one starts anew.
"""

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from receiver.audit import checkpoint, leaves, merkle, note, signing, tiles
from receiver.audit.merkle import Frontier
from receiver.audit.notekey import Signer, read_vkey
from receiver.audit.trouble import Trouble
from receiver.audit.witness import Witness, open_witness
from receiver.errors import BrokenEvidence, ProofhookError, SealedElsewhere
from receiver.ledger.archive import Archive
from receiver.ledger.duties import Duty
from receiver.ledger.ledger import Ledger
from receiver.ledger.trail import Sealed, TileSpan
from receiver.log import get_logger
from receiver.settings import Settings

MOST = 500
"""Entries in one transaction: the ledger is locked for some milliseconds."""
EVERY = timedelta(seconds=2)
"""Between two checkpoints while there is news."""
QUIET = timedelta(hours=1)
"""Between two checkpoints when there is none, so that silence can be proved."""
PAUSE = 0.5
"""Seconds between two looks at the queue."""

log = get_logger("sealer")


class Sealer:
    """`secrets` are ours, newest last; `name` is the trail's name when it is new.

    `current` gives our secrets as they are now, so that a rotation needs no restart.
    """

    def __init__(
        self, ledger: Ledger, secrets: Sequence[bytes], name: str, clock: Callable[[], datetime], witness: Witness,
        current: Callable[[], Sequence[bytes]] | None = None,
    ) -> None:  # fmt: skip
        self._ledger, self._archive = ledger, Archive(ledger)
        self._secrets, self._name, self._clock, self._witness = tuple(secrets), name, clock, witness
        self._current = current or (lambda: self._secrets)
        self._trouble = Trouble(clock)
        self._tree: Frontier | None = None
        self._signer: Signer | None = None
        self._last: Sealed | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Seal until `stop`, while no other sealer does; what waits at the end is sealed by the next."""
        async with Duty(self._ledger, "seal", self._clock) as duty, self._ledger.listening(PAUSE) as ear:
            while not stop.is_set():
                if duty.held:
                    await self._witness.begin()
                    await self._round()
                else:
                    self._forget()
                await ear.changed(EVERY.total_seconds(), stop)
            if duty.held:
                await self._round(last=True)
            await self._witness.end()

    async def _round(self, *, last: bool = False) -> None:
        """Whatever stands in the rows, the process goes on: it has more to do than to seal."""
        try:
            await self.work(at_once=last)
        except SealedElsewhere:
            self._forget()
        except Exception as error:  # noqa: BLE001  see above
            self._forget()
            self._trouble.stopped(str(error) if isinstance(error, ProofhookError) else repr(error))
        else:
            self._trouble.over()

    def _forget(self) -> None:
        """What is in memory may not be so any more: it is read again."""
        self._tree = self._signer = self._last = None

    async def work(self, *, at_once: bool = False) -> None:
        """Empty the queue, and sign when it is time, or `at_once` what is new. What went wrong is raised.

        SealedElsewhere, LedgerBusy, BrokenEvidence.
        """
        taken = MOST
        while taken >= MOST:
            taken = await self.seal()
        await self.sign(at_once=at_once)

    async def seal(self) -> int:
        """Append the oldest of the queue to the tree; returns how many of the queue were taken."""
        tree = self._tree or await self._stored()  # before the look: what another seals after it must be noticed
        at = _iso(self._clock())
        batch = await self._archive.look(lambda there: leaves.gather(there, MOST, at))
        if not batch.taken:
            return 0
        growth = tree.append([leaf.hash for leaf in batch.leaves])
        spans = [
            TileSpan(span.level, span.index, span.start, tiles.content(span, growth))
            for span in tiles.spans(tree.size, growth.after.size)
        ]
        await self._archive.append(tree.size, batch.leaves, spans, batch.done)
        self._tree = growth.after
        return batch.taken

    async def sign(self, *, at_once: bool = False) -> bool:
        """A checkpoint of the tree as it is, when it is time for one; whether it was."""
        tree = self._tree = self._tree or await self._stored()
        last, now = self._last or await self._archive.last_checkpoint(), self._clock()
        if last is not None:
            grown, age = tree.size != last.size, now - last.made_at
            if timedelta(0) <= age < (EVERY if grown else QUIET) and not (grown and at_once):
                return False
        before = base64.b64encode(hashlib.sha256(last.note).digest()).decode() if last else "none"
        by = await self._key()
        text = checkpoint.Checkpoint(by.name, tree.size, tree.root(), (f"time {_iso(now)}", f"previous {before}"))
        made = Sealed(tree.size, now, note.sign(text.text(), [by]))
        await self._archive.checkpointed(made, last.note if last else None)
        self._last = made
        await self._witness.saw(made.note)
        return True

    async def _key(self) -> Signer:
        now = tuple(self._current())
        if self._signer is None or now != self._secrets:
            self._secrets = now
            known = await self._archive.signers()
            name = read_vkey(known[0].vkey).name if known else self._name
            fresh = signing.introduce(self._secrets, known, name, self._clock())
            if fresh is not None:
                await self._archive.signer_added(fresh, known[-1].vkey if known else None)
                log.info("checkpoints are signed by a new key", key=fresh.vkey)
            self._signer = signing.signer(self._secrets[-1], name)
        return self._signer

    async def _stored(self) -> Frontier:
        """The tree as it was signed last, and what was sealed since. Raises BrokenEvidence where that is no more so."""
        last = await self._archive.last_checkpoint()  # before the size: another sealer may be at work
        size = await self._archive.size()
        tree = await self._signed(last.note) if last else Frontier()
        if size < tree.size:
            raise BrokenEvidence(f"{tree.size} entries were signed, {size} are there; see `proofhook audit verify`")
        grown = tree.append(await self._archive.hashes(tree.size, size)).after
        if grown.size != size:
            raise BrokenEvidence("entries of the trail are not there any more; see `proofhook audit verify`")
        return grown

    async def _signed(self, last: bytes) -> Frontier:
        """The tree of the last checkpoint, out of its tiles or, where these were changed, out of its entries."""
        signed = checkpoint.parse(note.verify(last, signing.chain(await self._archive.signers())))
        with contextlib.suppress(BrokenEvidence):
            tree = await self._of_tiles(signed.size)
            if tree.root() == signed.root:
                return tree
        self._trouble.warn("the tree's tiles do not make the root that was signed; see `proofhook audit verify`")
        tree = Frontier().append(await self._archive.hashes(0, signed.size)).after
        if (tree.size, tree.root()) != (signed.size, signed.root):
            raise BrokenEvidence("the entries do not make the root that was signed; see `proofhook audit verify`")
        return tree

    async def _of_tiles(self, size: int) -> Frontier:
        wanted = {
            (level // tiles.HEIGHT, (((size >> level) - 1) << level % tiles.HEIGHT) // tiles.WIDTH)
            for level in merkle.levels(size)
        }
        held = await self._archive.tiles(sorted(wanted))
        return Frontier.stored(size, tiles.reader(lambda level, n: held.get((level, n), b""), size))


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def open_sealer(
    ledger: Ledger, settings: Settings, clock: Callable[[], datetime], rotated: Callable[[], bool] | None = None
) -> Sealer:
    """The sealer of this house. `rotated` has `settings` take up what `keys rotate` did, for one that runs for long."""

    def current() -> Sequence[bytes]:
        if rotated is not None:
            rotated()
        return settings.secrets

    return Sealer(ledger, settings.secrets, trail_name(settings), clock, open_witness(ledger, settings), current)


def trail_name(settings: Settings) -> str:
    """What a new trail is called: by the public address. The name then stays as it is."""
    return f"{urlsplit(settings.public).netloc}/trail"
