import pytest
from hypothesis import given
from hypothesis import strategies as some

from receiver.audit.provenance.xmp import LONGEST, source_type
from tests.receiver.audit.provenance.making import AI, packet

NS = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
EXT = f'xmlns:Iptc4xmpExt="{NS}"'
LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


def about(inner: str, attributes: str = EXT) -> bytes:
    return packet(f'<rdf:Description rdf:about="" {attributes}>{inner}</rdf:Description>')


@pytest.mark.parametrize(
    "xmp",
    [
        about("", f'{EXT} Iptc4xmpExt:DigitalSourceType="{AI}"'),
        about("", f"{EXT} Iptc4xmpExt:DigitalSourceType='{AI}'"),
        about(f"<Iptc4xmpExt:DigitalSourceType>{AI}</Iptc4xmpExt:DigitalSourceType>"),
        about(f"<Iptc4xmpExt:DigitalSourceType>\n  {AI}\n</Iptc4xmpExt:DigitalSourceType>"),
        about(f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{AI}"/>'),
        about(f"<e:DigitalSourceType>{AI}</e:DigitalSourceType>", f'xmlns:e="{NS}"'),
        about(f"<Iptc4xmpExt:DigitalSourceType/><Iptc4xmpExt:DigitalSourceType>{AI}</Iptc4xmpExt:DigitalSourceType>"),
        b"\n" + about("", f'{EXT} Iptc4xmpExt:DigitalSourceType="{AI}"') + b"\0 \n" * 99,
        about("", f'{EXT} Iptc4xmpExt:DigitalSourceType="{AI}"').decode().encode("utf-16"),
        about(f"<Iptc4xmpExt:DigitalSourceType>{AI}</Iptc4xmpExt:DigitalSourceType>")[:-50],
    ],
    ids=["attribute", "apostrophes", "element", "white space", "resource", "own prefix", "empty first", "padding",
         "utf-16", "cut behind it"],
)  # fmt: skip
def test_every_way_of_writing_it_is_read(xmp: bytes) -> None:
    """RDF/XML has three ways, and any prefix; padding and what comes later do not matter."""
    assert source_type(xmp) == AI


@pytest.mark.parametrize(
    "xmp",
    [
        b"",
        b"<" * 100_000,
        about(""),
        about(f"<!-- <Iptc4xmpExt:DigitalSourceType>{AI}</Iptc4xmpExt:DigitalSourceType> -->"),
        about(f"<e:DigitalSourceType>{AI}</e:DigitalSourceType>", 'xmlns:e="http://example.com/"'),
        about(f"<DigitalSourceType>{AI}</DigitalSourceType>"),
        packet(f'<rdf:Description {EXT} Iptc4xmpExt:DigitalSourceType="&b;"/>', LAUGHS),
        packet(f'<rdf:Description {EXT} Iptc4xmpExt:DigitalSourceType="{AI}"/>', '<!DOCTYPE x SYSTEM "file:///x">'),
        about("", f'{EXT} Iptc4xmpExt:DigitalSourceType="{"x" * (LONGEST + 1)}"'),
        about("", f'{EXT} Iptc4xmpExt:DigitalSourceType="\u202eevil"'),
        b'<?xml version="1.0" encoding="zlib"?><x/>',
        b'<?xml version="1.0" encoding="no-such"?><x/>',
        b"<a>" * 300_000,
    ],
    ids=["empty", "junk", "none", "comment", "other namespace", "no namespace", "entities", "outside", "long",
         "turned around", "strange encoding", "unknown encoding", "deep"],
)  # fmt: skip
def test_nothing_is_made_of_anything_else(xmp: bytes) -> None:
    """No other name or namespace counts, a document type ends the reading, and a value is short and printable."""
    assert source_type(xmp) is None


@given(some.binary(max_size=200))
def test_junk_raises_nothing(junk: bytes) -> None:
    """Any bytes, alone and within a packet."""
    good = about("", f'{EXT} Iptc4xmpExt:DigitalSourceType="{AI}"')
    assert source_type(junk) is None
    source_type(good[:150] + junk + good[150:])
