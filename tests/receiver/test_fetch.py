"""Which way a download goes: hosts, addresses, redirects, and what it carries."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from receiver.errors import Permanent, Transient
from receiver.fetch import Fetcher
from receiver.storage import Folder
from tests.receiver.hosting import (
    HTML,
    PNG,
    SHA256,
    Host,
    Names,
    answer,
    certificate,
    empty,
    fetching,
    hosting,
    redirect,
)


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


async def test_an_image_is_stored_as_it_came(host: Host, fetcher: Fetcher, storage: Folder) -> None:
    """Byte-exact, under its hash, with the type of its first bytes and not of a header."""
    host.answers["/image?sig=a%2Fb"] = answer(content_type="text/html")
    fetched = await fetcher.fetch(host.url("/image?sig=a%2Fb#part"), [], storage)
    assert (fetched.media_type, fetched.host, fetched.stored.sha256) == ("image/png", f"localhost:{host.port}", SHA256)
    assert await storage.get(SHA256) == PNG
    assert 0 <= fetched.ms < 10_000


async def test_the_request_carries_nothing_of_ours(host: Host, fetcher: Fetcher, storage: Folder) -> None:
    """No key, no cookie (even one that the host set), and no wish that would change the bytes."""
    host.answers["/image"] = answer(set_cookie="a=b")
    for _ in range(2):
        await fetcher.fetch(host.url(), [], storage)
    expected = f"GET /image HTTP/1.1\r\nhost: localhost:{host.port}\r\naccept: */*\r\naccept-encoding: identity\r\n"
    assert set(host.requests) == {f"{expected}user-agent: proofhook\r\n\r\n".encode()}


async def test_chunked_and_close_delimited_bodies(host: Host, fetcher: Fetcher, storage: Folder) -> None:
    """A body without a length is as good, within the bound."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (PNG[:10], PNG[10:])) + b"0\r\n\r\n"
    for body in (answer(length=None), answer(chunks, length=None, transfer_encoding="chunked")):
        host.answers["/image"] = body
        assert (await fetcher.fetch(host.url(), [], storage)).stored.sha256 == SHA256


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(host: Host, fetcher: Fetcher, storage: Folder, status: int) -> None:
    """Three hops, relative ones too, and the last host is the one named."""
    host.answers["/image"] = redirect("/two?sig=1", status)
    host.answers["/two?sig=1"] = redirect(host.url("/three"), status)
    host.answers["/three"] = redirect(host.url("/four", "elsewhere.example"), status)
    host.answers["/four"] = answer()
    fetched = await fetcher.fetch(host.url(), [], storage)
    assert (fetched.host, fetched.stored.sha256) == (f"elsewhere.example:{host.port}", SHA256)


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/latest/meta-data",
        "https://169.254.169.254/",
        "https://[::1]/",
        "https://evil.example/x",
        "http://v3.fal.media/x",
        "https://v3.fal.media:8443/x",
        "https://user:pass@v3.fal.media/x",
        "https://inside.fal.media/x",
        "https://half.fal.media/x",
        "file:///etc/passwd",
        "http://localhost:1/x",
        "http://[junk",
        "https://fäl.media/",
        "",
    ],
)
async def test_each_hop_is_checked(host: Host, fetcher: Fetcher, storage: Folder, location: str) -> None:
    """A redirect off the list, to a private address or down to plain http is Permanent."""
    host.answers["/image"] = redirect(location)
    with pytest.raises(Permanent):
        await fetcher.fetch(host.url(), ["*.fal.media"], storage)
    assert len(host.requests) == (4 if not location else 1)
    assert empty(storage)


@pytest.mark.parametrize("location", ["https://evil.example/x", "http://v3.fal.media/x", "https://v3.fal.media:8443/x"])
async def test_a_hop_off_the_list_is_not_even_resolved(host: Host, storage: Folder, location: str) -> None:
    """The host rules hold on every hop by themselves, whatever its address would be."""
    host.answers["/image"] = redirect(location)
    names = Names()
    async with aclosing(Fetcher(allowed=[f"localhost:{host.port}"], max_bytes=9, resolver=names)) as fetcher:
        with pytest.raises(Permanent, match="IMAGE_HOSTS"):
            await fetcher.fetch(host.url(), ["*.fal.media"], storage)
    assert names.asked == ["localhost"]


async def test_four_redirects_are_too_many(host: Host, fetcher: Fetcher, storage: Folder) -> None:
    """A loop ends."""
    host.answers["/image"] = redirect("/image")
    with pytest.raises(Permanent, match="redirects"):
        await fetcher.fetch(host.url(), [], storage)
    assert len(host.requests) == 4


@pytest.mark.parametrize("name", ["inside.fal.media", "half.fal.media"])
async def test_a_providers_host_at_a_private_address(host: Host, fetcher: Fetcher, storage: Folder, name: str) -> None:
    """A listed name that resolves into our network, wholly or in part, is refused before a byte is sent."""
    with pytest.raises(Permanent, match=f"^{name} .*not public"):
        await fetcher.fetch(f"https://{name}/x?sig=secret", ["*.fal.media"], storage)
    assert host.requests == []


async def test_a_named_host_with_a_metadata_address(host: Host, fetcher: Fetcher, storage: Folder) -> None:
    """Even a host that IMAGE_HOSTS names must not stand, in part, at a metadata service."""
    with pytest.raises(Permanent, match="not public"):
        await fetcher.fetch(host.url(host="mixed.example"), [], storage)
    assert host.requests == []


async def test_many_at_once(host: Host, fetcher: Fetcher, storage: Folder) -> None:
    """Downloads do not wait for each other, and refused ones leave the rest alone."""
    host.answers["/image"] = answer()
    host.answers["/page"] = answer(HTML)
    urls = [host.url("/image"), host.url("/page")] * 10
    results = await asyncio.gather(*(fetcher.fetch(url, [], storage) for url in urls), return_exceptions=True)
    assert [isinstance(result, Permanent) for result in results] == [False, True] * 10


async def test_proxies_from_the_environment_are_ignored(
    host: Host, fetcher: Fetcher, storage: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would do the resolving, and so undo the check of addresses."""
    async with hosting() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
            monkeypatch.setenv(name.lower(), proxy.url(""))
        host.answers["/image"] = answer()
        async with aclosing(Fetcher(allowed=[f"127.0.0.1:{host.port}"], max_bytes=10**6)) as late:
            for one in (fetcher, late):
                await one.fetch(host.url(host="localhost" if one is fetcher else "127.0.0.1"), [], storage)
        assert proxy.requests == []


async def test_tls_is_with_the_name_not_the_address(storage: Folder, tmp_path: Path) -> None:
    """The connection goes to the checked address, while SNI and certificate are those of the host."""
    server, trust = certificate(tmp_path, "images.example")
    async with hosting(server) as host:
        server.sni_callback = lambda _socket, name, _context: host.greeted.append(name)
        host.answers["/image"] = answer()
        names = Names()
        allowed = [f"{name}:{host.port}" for name in ("images.example", "other.example")]
        async with aclosing(Fetcher(allowed=allowed, max_bytes=10**6, resolver=names, trust=trust)) as fetcher:
            url = host.url(host="images.example", scheme="https")
            assert (await fetcher.fetch(url, [], storage)).stored.sha256 == SHA256
            assert (names.asked, host.greeted) == (["images.example"], ["images.example"])
            with pytest.raises(Transient, match=r"other\.example"):
                await fetcher.fetch(host.url(host="other.example", scheme="https"), [], storage)
        async with aclosing(Fetcher(allowed=allowed, max_bytes=10**6, resolver=names)) as untrusting:
            with pytest.raises(Transient):
                await untrusting.fetch(url, [], storage)
