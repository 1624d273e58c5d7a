"""PUBLIC_URL from outside: a real TLS server with a CA of ours, and what can be wrong with the way in."""

import asyncio
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn

from receiver import here
from receiver.doctor import Check, outside, way
from receiver.doctor.outside import checks
from receiver.settings import Settings
from tests.receiver.doctor.front import ALIVE, UNKNOWN, Authority, Says, front, near
from tests.receiver.hosting import answer, redirect
from tests.receiver.house import configured, opened


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def ours(settings: Settings, scheme: str = "https") -> Says:
    """What this receiver says behind a proxy that it sees calling by `scheme`."""

    def says(path: str, _count: int) -> bytes:
        if not path.startswith("/healthz"):
            return UNKNOWN
        scope = {"query_string": urlsplit(path).query.encode(), "scheme": scheme, "client": ("10.1.2.3", 1)}
        return answer(here.answer(settings.secrets, scope, datetime.now(UTC)) or b"{}")

    return says


async def seen(settings: Settings, authority: Authority) -> dict[str, Check]:
    found = await checks(settings, authority.trust, datetime.now(UTC), settings.secrets)
    assert len({each.name for each in found}) == len(found)
    return {each.name: each for each in found}


async def looked(tmp_path: Path, authority: Authority, says: Says | None = None, **leaf: Any) -> dict[str, Check]:
    """What is said of a front door with that certificate and those answers."""
    told = says or ours(near(tmp_path, "https://localhost"))
    async with front(told, authority.leaf(**leaf)) as port:
        return await seen(near(tmp_path, f"https://localhost:{port}"), authority)


def bad(found: dict[str, Check]) -> set[str]:
    assert all(each.mend for each in found.values() if each.state == "bad")
    return {name for name, each in found.items() if each.state == "bad"}


async def test_a_house_in_order(tmp_path: Path, authority: Authority) -> None:
    """The real receiver, served by TLS: each check is good, and none of the requests left a row."""
    pem = authority.leaf()
    async with opened(tmp_path) as house:
        listening = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(house.app, ssl_certfile=pem, ssl_keyfile=pem, log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        house.clock.now = datetime.now(UTC)
        running = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            found = await seen(near(tmp_path, f"https://localhost:{listening.getsockname()[1]}"), authority)
        finally:
            server.should_exit = True
            await running
        names = ("public URL", "DNS", "TLS", "reached", "proxy headers", "redirects", "body limit")
        assert {name: each.state for name, each in found.items()} == dict.fromkeys(names, "good")
        from receiver.ledger import tables

        assert house.rows(tables.delivery) == []
        assert not [path for path in (tmp_path / "images").rglob("*") if path.is_file()]


async def test_what_stands_behind_a_proxy(tmp_path: Path, authority: Authority) -> None:
    """A proxy that is not believed: the receiver saw http, and the mend names the proxy's address."""
    assert bad(await looked(tmp_path, authority)) == set()
    found = await looked(tmp_path, authority, ours(near(tmp_path, "https://x.example"), "http"))
    assert bad(found) == {"proxy headers"}
    assert "FORWARDED_ALLOW_IPS: add 10.1.2.3" in found["proxy headers"].mend


async def test_another_house_answers(tmp_path: Path, authority: Authority) -> None:
    """Alive is not enough: another receiver, one with other secrets, or an answer from before does not count."""
    for says in (
        lambda _path, _count: ALIVE,
        ours(near(tmp_path, "https://x.example", proofhook_secret="another secret of nobody's")),
        lambda _path, _count: answer(b'{"alive": true, "here": "a.b.c"}'),
        lambda _path, _count: answer(b"<html>"),
        lambda _path, _count: answer(b"[]", 502),
    ):
        assert "reached" in bad(await looked(tmp_path, authority, says))
    kept: list[bytes] = []
    told = ours(near(tmp_path, "https://x.example"))

    def replaying(path: str, count: int) -> bytes:
        kept.append(told(path, count))
        return kept[0] if path.startswith("/healthz") else UNKNOWN

    first = next(iter([told(f"/healthz?{_asked(tmp_path)}", 0)]))
    kept.append(first)
    assert "reached" in bad(await looked(tmp_path, authority, replaying))


def _asked(folder: Path) -> str:
    return here.question(configured(folder).secrets, "another nonce", datetime.now(UTC))


async def test_a_certificate_that_nobody_believes(tmp_path: Path, authority: Authority) -> None:
    """Of an unknown CA, for another name, or over: TLS is bad, and nothing is reached."""
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other").leaf()
    async with front(ours(near(tmp_path, "https://x.example")), stranger) as port:
        found = await seen(near(tmp_path, f"https://localhost:{port}"), authority)
    assert bad(found) == {"TLS", "reached"}
    assert bad(await looked(tmp_path, authority, days=-1)) == {"TLS", "reached"}
    assert bad(await looked(tmp_path, authority, name="elsewhere.example")) == {"TLS", "reached"}


async def test_a_certificate_that_ends_soon(tmp_path: Path, authority: Authority) -> None:
    """Within 14 days it is bad, though everything still works."""
    assert bad(await looked(tmp_path, authority, days=13)) == {"TLS"}
    assert bad(await looked(tmp_path, authority, days=15)) == set()


async def test_a_redirect(tmp_path: Path, authority: Authority) -> None:
    """On the callback path it is the end for several providers."""
    found = await looked(tmp_path, authority, lambda _path, _count: redirect("https://www.example/", 308))
    assert bad(found) == {"redirects"}


async def test_a_proxy_that_takes_no_large_body(tmp_path: Path, authority: Authority) -> None:
    """413 from the proxy is bad; another answer, or none, leaves it unknown."""
    told = ours(near(tmp_path, "https://x.example"))
    for large, state in ((answer(b"<html>", 413), "bad"), (answer(b"?", 502), "unknown"), (b"", "unknown")):

        def says(path: str, count: int, large: bytes = large) -> bytes:
            return large if count > 2**20 else told(path, count)

        found = await looked(tmp_path, authority, says)
        assert found["body limit"].state == state
        assert bad(found) == ({"body limit"} if state == "bad" else set())


async def test_nobody_is_there(tmp_path: Path, authority: Authority) -> None:
    """A closed port, a name that does not exist: told at once, with the mend."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = await seen(near(tmp_path, f"https://localhost:{port}"), authority)
    assert bad(found) == {"reached"}
    assert "proofhook serve" in found["reached"].mend


async def test_a_name_that_is_none(tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing more is looked at behind a name that cannot be resolved."""

    def fails(*_: object, **__: object) -> object:
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    assert list(await seen(configured(tmp_path, public_url="https://hooks.example"), authority)) == [
        "public URL",
        "DNS",
    ]


@pytest.mark.parametrize(
    ("addresses", "state"),
    [(["10.0.0.1"], "bad"), (["127.0.0.1"], "bad"), (["93.184.216.34", "fe80::1"], "bad"), (["93.184.216.34"], "good")],
)
async def test_where_a_name_leads(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch, addresses: Sequence[str], state: str
) -> None:
    """Every address must be one of the public internet."""

    async def nothing(*_: object) -> Sequence[Check]:
        return []

    entries = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
    monkeypatch.setattr(way, "checks", nothing)
    monkeypatch.setattr(outside, "_chain", lambda *_: asyncio.sleep(0, Check("TLS", "good", "x")))
    found = await seen(configured(tmp_path, public_url="https://hooks.example"), authority)
    assert found["DNS"].state == state


@pytest.mark.parametrize(
    ("url", "state"),
    [
        ("https://hooks.example", "good"),
        ("https://93.184.216.34", "good"),
        ("http://hooks.example", "bad"),
        ("http://127.0.0.1:8000", "bad"),
        ("https://localhost", "bad"),
        ("https://10.1.2.3", "bad"),
        ("https://[::1]", "bad"),
        ("https://nas.local", "bad"),
        ("https://receiver", "bad"),
    ],
)
def test_the_address_itself(url: str, state: str) -> None:
    """https, and neither of this machine nor of its network."""
    host = urlsplit(url).hostname or ""
    place = outside.Place(url, urlsplit(url).scheme, host, 443, near=False)
    assert outside._address(place).state == state
    assert outside._address(outside.Place(url, "http", host, 80, near=True)).state == "good"
