"""IPTC's DigitalSourceType in an XMP packet: how the picture came to be, in the words of whoever wrote the file.

Sources: IPTC Photo Metadata Standard 2023.2, Extension schema, "Digital Source Type"; its values are
http://cv.iptc.org/newscodes/digitalsourcetype/. RDF/XML lets it be an attribute, an element or an `rdf:resource`
(ISO 16684-1 §7).
"""

from xml.parsers import expat

SOURCE_TYPE = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/ DigitalSourceType"
"""Namespace and name, as expat joins them."""
RESOURCE = "http://www.w3.org/1999/02/22-rdf-syntax-ns# resource"
LONGEST = 300
"""Characters of a value; the words of the vocabulary have some 80."""


class _Enough(Exception):
    """There is nothing more to read."""


class _Finder:
    """What is found on the way through one packet: the first value."""

    def __init__(self) -> None:
        self.value = ""
        self._inside = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._inside = name == SOURCE_TYPE
        given = attributes.get(RESOURCE if self._inside else SOURCE_TYPE)
        if given:
            self.value = given
            raise _Enough

    def text(self, data: str) -> None:
        if self._inside and len(self.value) <= LONGEST:
            self.value += data

    def end(self, _name: str) -> None:
        if self._inside and self.value.strip():
            raise _Enough
        self._inside, self.value = False, ""

    @staticmethod
    def refuse(*_given: object) -> None:
        """All that an XML parser could expand or fetch is declared in a document type, and XMP has no use for one."""
        raise _Enough


def source_type(packet: bytes) -> str | None:
    """The first DigitalSourceType of a packet, as it is written there, or None; raises nothing."""
    finder = _Finder()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = finder.start, finder.end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = finder.text, finder.refuse
    try:
        parser.Parse(packet.strip(b"\0 \t\r\n"), True)
    except _Enough:
        value = finder.value.strip()
        return value if 0 < len(value) <= LONGEST and value.isprintable() else None
    except (expat.ExpatError, ValueError, LookupError):  # LookupError: an encoding that Python does not know
        return None
    return None
