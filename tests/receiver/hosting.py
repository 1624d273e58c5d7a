"""A real image host on loopback, a name server, and a fetcher that may ask them: for the tests of `receiver.fetch`."""

import asyncio
import hashlib
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from receiver.fetch import Fetcher
from receiver.storage import Folder

PNG = b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(300_000)  # noqa: S311 - a fixed seed is the point
SHA256 = hashlib.sha256(PNG).hexdigest()
HTML = b"<!doctype html><title>This link has expired</title>" + b"." * 200

Play = Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes = PNG, status: int = 200, length: int | None = -1, **headers: str) -> bytes:
    """A response as bytes. `length` is announced: -1 the true one, None none at all."""
    lines = [f"HTTP/1.1 {status} Whatever", "Connection: close"]
    if length is not None:
        lines.append(f"Content-Length: {len(body) if length < 0 else length}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(location: str, status: int = 302) -> bytes:
    return answer(b"moved", status, location=location)


class Host:
    """A real server on loopback: path → the bytes it answers, or a play that it performs. Keeps what it was sent."""

    def __init__(self) -> None:
        self.port = 0
        self.answers: dict[str, bytes | Play] = {}
        self.requests: list[bytes] = []
        self.greeted: list[str | None] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            request = await reader.readuntil(b"\r\n\r\n")
            self.requests.append(request)
            play = self.answers[request.split()[1].decode()]
            if isinstance(play, bytes):
                writer.write(play)
            else:
                await play(writer)
            await writer.drain()
            writer.close()

    def url(self, path: str = "/image", host: str = "localhost", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@asynccontextmanager
async def hosting(trust: ssl.SSLContext | None = None) -> AsyncIterator[Host]:
    host = Host()
    tasks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks[asyncio.create_task(host.serve(reader, writer))] = writer

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=trust)
    host.port = server.sockets[0].getsockname()[1]
    try:
        yield host
    finally:
        server.close()
        for task, writer in tasks.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*tasks, *(writer.wait_closed() for writer in tasks.values()), return_exceptions=True)


class Names:
    """A name server: name → addresses; counts the questions."""

    def __init__(self, **addresses: Sequence[str]) -> None:
        self.addresses = {name.replace("_", "."): found for name, found in addresses.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.addresses.get(host, ["127.0.0.1"])


def fetching(host: Host, *, timeout: float = 5, total: float = 10) -> aclosing[Fetcher]:
    """A fetcher for which IMAGE_HOSTS names this host, under three names; `*.fal.media` names resolve badly."""
    allowed = [f"{name}:{host.port}" for name in ("localhost", "elsewhere.example", "mixed.example")]
    names = Names(
        mixed_example=["127.0.0.1", "169.254.169.254"],
        inside_fal_media=["127.0.0.1"],
        half_fal_media=["8.8.8.8", "10.0.0.1"],
    )
    return aclosing(Fetcher(allowed=allowed, max_bytes=1_000_000, timeout=timeout, total=total, resolver=names))


def empty(storage: Folder) -> bool:
    """Nothing of the image, and no temporary file."""
    path = storage.path(SHA256)
    assert path is not None
    return not [file for file in path.parent.parent.rglob("*") if file.is_file()]


def hanging(start: bytes) -> Play:
    """Sends the beginning, and then nothing for ever."""

    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        await writer.drain()
        await asyncio.Event().wait()

    return play


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS for a server of that name, and the trust in it: (server, client)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "host.pem"
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(*private))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=pem)
