"""What a download puts up with: size, time, type, and the troubles of hosts."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path

import pytest

from receiver.errors import Permanent, StorageFull, Transient
from receiver.fetch import Fetcher
from receiver.storage import Folder, Memory
from tests.receiver.hosting import HTML, PNG, Host, answer, empty, fetching, hanging, hosting


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with hosting() as host:
        yield host


@pytest.fixture
async def fetcher(host: Host) -> AsyncIterator[Fetcher]:
    async with fetching(host) as fetcher:
        yield fetcher


@pytest.fixture
def storage(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "images")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 204, 206, 304])
async def test_gone_is_permanent(host: Host, fetcher: Fetcher, storage: Folder, status: int) -> None:
    """An expired or forbidden link does not come back."""
    host.answers["/image?sig=secret"] = answer(
        b"" if status in {204, 304} else PNG, status, None if status == 204 else -1
    )
    with pytest.raises(Permanent, match=str(status)) as caught:
        await fetcher.fetch(host.url("/image?sig=secret"), [], storage)
    assert "secret" not in str(caught.value)
    assert empty(storage)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_the_servers_trouble_is_transient(host: Host, fetcher: Fetcher, storage: Folder, status: int) -> None:
    """Too busy or broken now may work later."""
    host.answers["/image"] = answer(b"", status)
    with pytest.raises(Transient, match=str(status)):
        await fetcher.fetch(host.url(), [], storage)


@pytest.mark.parametrize("length", [-1, None])
async def test_too_large_is_refused(host: Host, fetcher: Fetcher, storage: Folder, length: int | None) -> None:
    """The bound holds whether the size is announced or only grows, to the byte."""
    host.answers["/image"] = answer(PNG.ljust(1_000_000, b"."), length=length)
    assert (await fetcher.fetch(host.url(), [], storage)).stored.bytes == 1_000_000
    host.answers["/image"] = answer(PNG.ljust(1_000_001, b"."), length=length)
    with pytest.raises(Permanent, match="MAX_IMAGE_BYTES"):
        await fetcher.fetch(host.url(), [], storage)


async def test_an_announced_size_is_refused_unread(host: Host, fetcher: Fetcher, storage: Folder) -> None:
    """A body that never comes need not be waited for."""
    host.answers["/image"] = hanging(answer(b"", length=10**15))
    with pytest.raises(Permanent, match="MAX_IMAGE_BYTES"):
        await fetcher.fetch(host.url(), [], storage)


@pytest.mark.parametrize(
    "body", [HTML, b"", b'{"detail": "expired"}', b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\xff\xd8"]
)
async def test_what_is_no_image_is_refused(host: Host, fetcher: Fetcher, storage: Folder, body: bytes) -> None:
    """A page, a document or nothing, whatever its Content-Type says."""
    host.answers["/image"] = answer(body, content_type="image/png")
    with pytest.raises(Permanent, match="no image"):
        await fetcher.fetch(host.url(), [], storage)
    assert empty(storage)


async def test_no_image_is_seen_at_the_first_bytes(host: Host, fetcher: Fetcher, storage: Folder) -> None:
    """The rest of what is no image is not waited for."""
    host.answers["/image"] = hanging(answer(HTML, length=900_000))
    with pytest.raises(Permanent, match="no image"):
        await fetcher.fetch(host.url(), [], storage)


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "identity, gzip"])
async def test_a_compressed_body_is_refused(host: Host, fetcher: Fetcher, storage: Folder, coding: str) -> None:
    """We ask for the original and decode nothing: no bomb, no bytes that were not sent."""
    host.answers["/image"] = answer(gzip.compress(PNG), content_encoding=coding)
    with pytest.raises(Permanent, match="compressed"):
        await fetcher.fetch(host.url(), [], storage)
    host.answers["/image"] = answer(content_encoding="Identity")
    await fetcher.fetch(host.url(), [], storage)


@pytest.mark.parametrize(
    "reply",
    [
        answer(PNG[:-1], length=len(PNG)),
        answer(b"5\r\n\x89PNG\r", length=None, transfer_encoding="chunked"),
        b"",
        b"HTTP/1.1 200",
        b"junk\r\n\r\n",
        answer(length=None, content_length="many"),
        answer(length=None, content_length="-1"),
    ],
)
async def test_a_broken_answer_is_transient(host: Host, fetcher: Fetcher, storage: Folder, reply: bytes) -> None:
    """A body cut short, no answer or no HTTP: nothing is stored, and it is worth another attempt."""
    host.answers["/image?secret"] = reply
    with pytest.raises(Transient, match=r"^the connection to localhost") as caught:
        await fetcher.fetch(host.url("/image?secret"), [], storage)
    assert "secret" not in str(caught.value)
    assert empty(storage)


async def test_no_connection_is_transient(host: Host, fetcher: Fetcher, storage: Folder) -> None:
    """A closed port may be open later."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with aclosing(Fetcher(allowed=[f"127.0.0.1:{port}"], max_bytes=9)) as late:
        with pytest.raises(Transient, match="takes no connection"):
            await late.fetch(f"http://127.0.0.1:{port}/x", [], storage)


async def test_silence_is_transient(host: Host, storage: Folder) -> None:
    """A host that stops sending is given up on after `timeout`, not after `total`."""
    host.answers["/image"] = hanging(answer(PNG[:1000], length=len(PNG)))
    async with fetching(host, timeout=0.1, total=60) as fetcher:
        with pytest.raises(Transient, match="in time"):
            await fetcher.fetch(host.url(), [], storage)
    assert empty(storage)


async def test_a_slow_drip_is_transient(host: Host, storage: Folder) -> None:
    """A host that is never silent for long, and never done, is given up on after `total`."""

    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(answer(PNG[:1000], length=len(PNG)))
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.01)

    host.answers["/image"] = drip
    async with fetching(host, timeout=60, total=0.3) as fetcher:
        with pytest.raises(Transient, match="in time"):
            await fetcher.fetch(host.url(), [], storage)
    assert empty(storage)


async def test_a_name_server_that_hangs_is_transient(storage: Folder) -> None:
    """Resolving counts against the time too."""

    async def hang(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    async with aclosing(Fetcher(max_bytes=9, timeout=0.05, resolver=hang)) as fetcher:
        with pytest.raises(Transient, match="in time"):
            await fetcher.fetch("https://v3.fal.media/x", ["*.fal.media"], storage)


async def test_a_full_storage_keeps_its_name(host: Host, fetcher: Fetcher) -> None:
    """StorageFull is our trouble, not the host's."""
    host.answers["/image"] = answer()
    with pytest.raises(StorageFull):
        await fetcher.fetch(host.url(), [], Memory(room=1000))
