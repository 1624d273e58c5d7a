import gzip
import json
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from structlog.testing import capture_logs

from receiver.errors import KeysUnavailable
from receiver.keyring import Keyring
from receiver.wire import tokens
from receiver.wire.provider import Derived, Jwks, Unsigned
from tests.receiver.keyserver import FAL, JOB, NOW, ONE, Server, jwk, jwks, materials, ring

SIGNED = replace(FAL, name="fireworks", keys=Derived(), options=("SOME_HEADER",))
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b""),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.Response(200, content=b'{"keys": {}}'),
        httpx.Response(200, content=b'{"keys": []}'),
        httpx.Response(200, content=b'{"keys": [' + b" " * (256 * 1024) + b"]}"),
        httpx.Response(200, content=gzip.compress(b" " * 10_000_000), headers={"content-encoding": "gzip"}),
        httpx.Response(302, headers={"location": "https://example.com/jwks.json"}),
        httpx.Response(500, content=json.dumps({"keys": [jwk(ONE)]}).encode()),
        jwks(jwk(ONE, kty="RSA")),
        httpx.RemoteProtocolError("junk"),
        TimeoutError(),
    ],
)
async def test_no_key_set(answer: httpx.Response | Exception) -> None:
    """What is no key set, too long, compressed, elsewhere or an error is as good as no answer."""
    server = Server(answer)
    async with ring(server) as keyring:
        with pytest.raises(KeysUnavailable), capture_logs():
            await keyring.trust(FAL, JOB, NOW)
    assert len(server.asked) == 1


async def test_address_by_setting() -> None:
    """The setting names another key server, plain http included; each address has its own keys."""
    server = Server(jwks(jwk(ONE)))
    async with ring(server, {"FAL_JWKS_URL": "http://keys.example.com/jwks"}) as keyring:
        assert await materials(keyring) == [ONE]
    assert str(server.asked[0].url) == "http://keys.example.com/jwks"


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://keys.example.com/jwks", 0),
        ("ftp://keys.example.com/jwks", 0),
        ("", 0),
        ("http://127.0.0.1:1/jwks", 1),
        ("http://[::1]:1/jwks", 1),
        ("http://localhost:1/jwks", 1),
        ("http://[", 0),
    ],
)
async def test_keys_come_over_tls(url: str, asked: int) -> None:
    """Without a setting's word, keys come over TLS or from this machine."""
    server = Server(jwks(jwk(ONE)))
    plain = replace(FAL, keys=Jwks("PLAIN_JWKS_URL", url))
    async with ring(server) as keyring:
        if asked:
            assert (await keyring.trust(plain, JOB, NOW)).keys
        else:
            with pytest.raises(KeysUnavailable, match="PLAIN_JWKS_URL"):
                await keyring.trust(plain, JOB, NOW)
    assert len(server.asked) == asked


async def test_derived() -> None:
    """A job's own secret is the key, newest first and old ones too; its id is a fingerprint. Nothing is fetched."""
    server = Server(TimeoutError())
    async with ring(server, {"SOME_HEADER": "x-sig"}) as keyring:
        trust = await keyring.trust(SIGNED, JOB, NOW)
        assert await keyring.refreshed(SIGNED, JOB, NOW) is None

    newest, oldest = (tokens.secret([key * 32], "fireworks", JOB).encode() for key in (b"n", b"o"))
    assert [key.material for key in trust.keys] == [newest, oldest]
    assert all(key.id.startswith("derived:") and len(key.id) == 16 for key in trust.keys)
    assert newest.decode()[:8] not in repr(trust)
    assert trust.options == {"SOME_HEADER": "x-sig"}
    assert server.asked == []


async def test_no_job_no_secret() -> None:
    """Where no job is named there is no secret, and where nothing is signed no key."""
    async with ring(Server(TimeoutError())) as keyring:
        assert (await keyring.trust(SIGNED, None, NOW)).keys == ()
        assert (await keyring.trust(replace(FAL, keys=Unsigned()), JOB, NOW)).keys == ()


async def test_closing() -> None:
    """A client that was given is left open; one of our own is made when it is needed, and closed."""
    given = httpx.AsyncClient(transport=httpx.MockTransport(Server(jwks(jwk(ONE)))))
    await Keyring([], {}, SECOND, given).aclose()
    assert not given.is_closed
    await given.aclose()

    own = Keyring([], {"FAL_JWKS_URL": "http://127.0.0.1:1/jwks"}, SECOND)
    await own.aclose()
    with pytest.raises(KeysUnavailable), capture_logs():
        await own.trust(FAL, JOB, NOW)
    client = own._client
    await own.aclose()
    assert client is not None
    assert client.is_closed


@pytest.mark.parametrize("url", ["https://[", "nonsense", "file:///etc/passwd", "https://\x00/"])
async def test_a_setting_that_is_no_address(url: str) -> None:
    """A wrong address in the setting is a key server that does not answer, not a crash."""
    own = Keyring([], {"FAL_JWKS_URL": url}, SECOND)
    with pytest.raises(KeysUnavailable), capture_logs():
        await own.trust(FAL, JOB, NOW)
    await own.aclose()
