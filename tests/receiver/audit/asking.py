"""An authority's address on loopback, a ledger with a checkpoint to stamp, and a stamper that asks there."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from receiver.audit.stamping import Stamper
from receiver.ledger.ledger import Ledger
from tests.receiver.audit.authority import Authority
from tests.receiver.audit.sealing import Trail
from tests.receiver.hosting import answer
from tests.receiver.house import NOW, configured

Says = Authority | Callable[[bytes], bytes]
"""An authority, or a question → what is answered, as HTTP."""
HOUR = timedelta(hours=1)
AUTHORITY = Authority(NOW)
"""The one that the house trusts."""


@pytest.fixture
async def house(ledger: Ledger, database_url: str, tmp_path: Path) -> AsyncIterator[Trail]:
    """Three orders under one checkpoint, and the roots of AUTHORITY."""
    (tmp_path / "roots.pem").write_bytes(AUTHORITY.roots)
    made = Trail(ledger, configured(tmp_path, database_url=database_url, tsa_roots=str(tmp_path / "roots.pem")))
    await made.jobs(3)
    await made.sealer().work()
    yield made
    for each in made.more:
        each.close()


@dataclass
class Door:
    """A real server: what it says to a question, as HTTP; and the heads of the requests that came."""

    says: Callable[[bytes], bytes]
    url: str = ""
    heads: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: ([0-9]+)", head)
            assert length is not None
            self.heads.append(head)
            writer.write(self.says(await reader.readexactly(int(length[1]))))
            await writer.drain()
        writer.close()


@asynccontextmanager
async def door(says: Says) -> AsyncIterator[Door]:
    """The door of an authority, or of who answers as given."""
    made = Door((lambda question: answer(says.answer(question))) if isinstance(says, Authority) else says)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/tsr"
    try:
        yield made
    finally:
        server.close()


def stamper(house: Trail, url: str, *trusted: x509.Certificate) -> Stamper:
    """One that asks there at most once an hour, by the clock of that house."""
    return Stamper(house.ledger, url, trusted, HOUR, lambda: house.now)
