"""A front door on loopback with a certificate of a CA of ours, and what stands behind it."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from receiver.settings import Settings
from tests.receiver.hosting import answer
from tests.receiver.house import configured

NOWHERE = "http://127.0.0.1:9"
UNKNOWN = answer(b'{"error": "unknown_endpoint", "detail": "x"}', 404)
ALIVE = answer(b'{"alive":true}')
Says = Callable[[str, int], bytes]
"""Path (with its query) and length of the body → the answer as HTTP."""


@dataclass
class Authority:
    """A CA of its own: `trust` believes it."""

    folder: Path
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def _signed(self, name: str, public: ec.EllipticCurvePublicKey, days: float, *, ca: bool) -> x509.Certificate:
        now = datetime.now(UTC)
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a CA for tests")])
        subject = issuer if ca else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
        )  # fmt: skip
        return made.sign(self.key, hashes.SHA256())

    def leaf(self, name: str = "localhost", days: float = 90) -> Path:
        """A PEM file with a key and its certificate."""
        key, pem = ec.generate_private_key(ec.SECP256R1()), self.folder / f"{name}-{days}.pem"
        private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        certificate = self._signed(name, key.public_key(), days, ca=False)
        pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(*private))
        return pem

    @property
    def trust(self) -> ssl.SSLContext:
        root = self._signed("root", self.key.public_key(), 365, ca=True)
        return ssl.create_default_context(cadata=root.public_bytes(serialization.Encoding.PEM).decode())


@asynccontextmanager
async def front(says: Says, pem: Path | None = None) -> AsyncIterator[int]:
    """A server that answers as told, by TLS where there is a certificate; its port."""
    context = None
    if pem is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            head = await reader.readuntil(b"\r\n\r\n")
            found = re.search(rb"(?i)content-length: ([0-9]+)", head)
            count = int(found[1]) if found else 0
            await reader.readexactly(count)
            writer.write(says(head.split()[1].decode(), count))
            await writer.drain()
        writer.close()
        with suppress(OSError, ssl.SSLError):
            await writer.wait_closed()

    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def near(folder: Path, public_url: str, **given: Any) -> Settings:
    """Settings of a house whose providers are all on this machine."""
    bases = {f"{name}_url": NOWHERE for name in ("fal", "fireworks", "runware", "vtrix")}
    return configured(folder, **(bases | {"public_url": public_url, "fal_jwks_url": f"{NOWHERE}/jwks"} | given))
