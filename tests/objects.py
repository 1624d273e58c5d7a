"""An object store on loopback for tests: moto's server, started once for the whole run, and one that misbehaves."""

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx
import pytest

BUCKET = "images"
ACCOUNT = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "only", "AWS_REGION": "eu-central-1"}
PATIENCE = 30.0


@dataclass(slots=True)
class Objects:
    """A running store. `endpoint` is its address."""

    endpoint: str

    def url(self, prefix: str | None = None, bucket: str = BUCKET) -> str:
        """A STORAGE_URL in it, below a prefix of its own unless one is given."""
        return f"s3://{bucket}/{prefix or uuid.uuid4().hex}?{urlencode({'endpoint': self.endpoint})}"

    def settings(self, prefix: str | None = None) -> dict[str, str]:
        """The settings of a house that stores here."""
        return {"storage_url": self.url(prefix)} | {name.lower(): value for name, value in ACCOUNT.items()}

    def keys(self, prefix: str) -> list[str]:
        """Every key below a prefix, without it, as the store itself lists them."""
        said = httpx.get(
            f"{self.endpoint}/{BUCKET}", params={"list-type": "2", "prefix": f"{prefix}/"}, trust_env=False
        )
        return sorted(part.partition("</Key>")[0].removeprefix(f"{prefix}/") for part in said.text.split("<Key>")[1:])

    def unfinished(self) -> list[str]:
        """The keys of uploads in parts that were neither completed nor aborted."""
        said = httpx.get(f"{self.endpoint}/{BUCKET}?uploads", trust_env=False)
        return [part.partition("</Key>")[0] for part in said.text.split("<Key>")[1:]]


@pytest.fixture(scope="session")
def objects() -> Iterator[Objects]:
    """moto's server in a process of its own, with one bucket."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = int(one.getsockname()[1])
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        made = Objects(f"http://127.0.0.1:{port}")
        _up(made)
        yield made
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _up(objects: Objects) -> None:
    """Until the server takes a bucket."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            httpx.put(f"{objects.endpoint}/{BUCKET}", trust_env=False).raise_for_status()
        except httpx.TransportError:
            assert time.monotonic() < until, "moto's server does not start"
            time.sleep(0.02)
        else:
            return


@dataclass(slots=True)
class Refusing(Objects):
    """A store that answers requests holding `when` with `status` and S3's code for it, all others with 200 and nothing.

    Status 0 takes the request, and never answers. `heard` are the heads of all requests, in lower case.
    """

    status: int
    code: str = ""
    when: str = ""
    heard: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(EOFError, ConnectionError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = head.partition("content-length: ")[2].partition("\r\n")[0]
                await reader.readexactly(int(length or 0))
                self.heard.append(head)
                if self.when in head and self.status == 0:
                    await asyncio.Event().wait()
                writer.write(self._answer(head))
                await writer.drain()

    def _answer(self, head: str) -> bytes:
        status, body = 200, ""
        if self.when in head:
            status, body = self.status, f"<Error><Code>{self.code}</Code></Error>" if self.code else ""
        body = "" if head.startswith("head") else body
        lines = f"etag: x\r\nlast-modified: Fri, 20 Nov 2026 12:00:00 GMT\r\ncontent-length: {len(body)}"
        return f"HTTP/1.1 {status} So\r\n{lines}\r\n\r\n{body}".encode()


@contextlib.asynccontextmanager
async def refusing(status: int, code: str = "", when: str = "") -> AsyncIterator[Refusing]:
    """A running one."""
    made = Refusing("", status, code, when)
    serving: set[asyncio.Task[None]] = set()
    server = await asyncio.start_server(
        lambda reader, writer: serving.add(asyncio.create_task(made.serve(reader, writer))), "127.0.0.1", 0
    )
    made.endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
