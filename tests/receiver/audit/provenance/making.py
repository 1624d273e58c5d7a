"""Files with credentials and XMP, made here: a throw-away certificate chain with fixed keys, real signatures."""

import io
import struct
import zlib
from datetime import UTC, datetime
from functools import cache

import c2pa  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
AI = f"{IPTC}trainedAlgorithmicMedia"
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}
_ROOT, _LEAF = (ec.derive_private_key(number, ec.SECP256R1()) for number in (12345, 23456))


@cache
def plain(media_type: str, side: int = 48) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, side), "teal").save(file, FORMATS[media_type])
    return file.getvalue()


def _name(organization: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization), x509.NameAttribute(NameOID.COMMON_NAME, "c2pa")]
    )


def _certificate(key: ec.EllipticCurvePrivateKey, organization: str, *, ca: bool) -> x509.Certificate:
    """As C2PA 2.2 §14.5 wants them."""
    made = (
        x509.CertificateBuilder(_name("Test Root"), _name(organization), key.public_key(), 5 + ca)
        .not_valid_before(datetime(2025, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2125, 1, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(_ROOT.public_key()), critical=False)
        .add_extension(x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False), critical=True)
    )
    if not ca:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return made.sign(_ROOT, hashes.SHA256(), ecdsa_deterministic=True)


@cache
def signed(media_type: str, maker: str = "Test Maker", remote: str = "") -> bytes:
    """A picture with a credential, or with no more than the address of one where `remote` is given."""
    chain = (_certificate(_LEAF, maker, ca=False), _certificate(_ROOT, "Test Root", ca=True))
    key = _LEAF.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem = b"".join(each.public_bytes(Encoding.PEM) for each in chain)
    info = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, pem, key, None)
    created = {"action": "c2pa.created", "digitalSourceType": AI}
    manifest = {
        "claim_generator_info": [{"name": "a model", "version": "1.5"}],
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [created]}}],
    }
    file = io.BytesIO()
    with c2pa.Signer.from_info(info) as signer, c2pa.Builder(manifest) as builder:
        if remote:
            builder.set_no_embed()
            builder.set_remote_url(remote)
        builder.sign(signer, media_type, io.BytesIO(plain(media_type)), file)
    return file.getvalue()


def packet(body: str, head: str = "") -> bytes:
    """An XMP packet around what is about the picture."""
    rdf = f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{body}</rdf:RDF>'
    meta = f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{rdf}</x:xmpmeta>'
    return f'{head}<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>{meta}<?xpacket end="w"?>'.encode()


def with_xmp(media_type: str, xmp: bytes, *, packed: bool = False) -> bytes:
    """A picture with an XMP packet, as its format keeps one."""
    data = plain(media_type)
    if media_type == "image/jpeg":
        body = b"http://ns.adobe.com/xap/1.0/\0" + xmp
        return data[:2] + b"\xff\xff\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]
    if media_type == "image/png":
        text = zlib.compress(xmp) if packed else xmp
        return data[:33] + chunk(b"iTXt", b"XML:com.adobe.xmp\0" + bytes([packed]) + b"\0en\0\0" + text) + data[33:]
    if media_type == "image/webp":
        body = b"XMP " + struct.pack("<I", len(xmp)) + xmp + b"\0" * (len(xmp) % 2)
        return data[:4] + struct.pack("<I", len(data) - 8 + len(body)) + data[8:] + body
    table = 13 + (3 << (data[10] & 7) + 1)
    trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    return data[:table] + b"!\xff\x0bXMP DataXMP" + xmp + trailer + data[table:]


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def borrowed() -> bytes:
    """A whole picture with the credential of another."""
    data, other = signed("image/png"), plain("image/png", 49)
    box = data[33 : 33 + 12 + int.from_bytes(data[33:37], "big")]
    assert box[4:8] == b"caBX"
    return other[:33] + box + other[33:]
