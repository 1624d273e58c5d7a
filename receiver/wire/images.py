"""First bytes → media type. What is not on this page is not stored, whatever a provider or a header calls it.

The list is what image models hand out and what Pillow decodes frame by frame under a pixel cap. AVIF is left out:
its decoder takes the whole file into memory before the pixels can be counted, and no provider here offers it. SVG
and HTML are documents that can run scripts, never images.
"""

from collections.abc import Mapping
from types import MappingProxyType

HEAD = 64
"""How many first bytes `sniff` wants; fewer are fine where a file has no more."""

SUFFIXES: Mapping[str, str] = MappingProxyType(
    {
        "image/jpeg": ".jpg",
        "image/png": ".png",
        "image/webp": ".webp",
        "image/gif": ".gif",
    }
)
"""Media type → the suffix of a file name."""

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "image/jpeg": "JPEG",
        "image/png": "PNG",
        "image/webp": "WEBP",
        "image/gif": "GIF",
    }
)
"""Media type → the one format name that Pillow may open it as."""

_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),  # ITU-T T.81 B.1.1.3: SOI, then the first byte of the next marker
    (b"\x89PNG\r\n\x1a\n", "image/png"),  # PNG 3rd edition §5.2
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def sniff(head: bytes) -> str | None:
    """The media type that these first bytes announce, or None for what we do not store."""
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":  # RFC 9649 §2.4; bytes 4 to 7 are the size
        return "image/webp"
    return None
