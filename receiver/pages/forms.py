"""Forms as browsers send them: small ones, and the one that orders, with files."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from receiver.errors import Malformed, TooLarge

MOST_BYTES = 8 * 1024
MOST_FIELDS = 16
MOST_ORDER_BYTES = 20 * 10**6 + 256 * 1024
"""Of a form that orders: its files are 20 MB in all, as a provider takes them, and its words come on top."""
MOST_FILES = 8
MOST_ORDER_FIELDS = 48
MOST_WORDS = 128 * 1024
"""Bytes of one field: a prompt of 20,000 letters, whatever they are."""


async def form(request: Request) -> dict[str, str]:
    """The fields of a small form; of a name that stands there twice, the first. Raises TooLarge, Malformed.

    Whoever asks again is given the same: the gate looks before the page does.
    """
    if not hasattr(request.state, "form"):
        request.state.form = await _read(request)
    return dict(request.state.form)


async def order_fields(request: Request) -> dict[str, str]:
    """The fields of a form that orders; `request.state.files` are its files, each with its name.

    Raises TooLarge, Malformed. Whoever asks again is given the same.
    """
    if not hasattr(request.state, "files"):
        request.state.files = []
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            request.state.form, request.state.files = await _parts(request)
    return await form(request)


async def _parts(request: Request) -> tuple[dict[str, str], list[tuple[str, bytes]]]:
    full = False

    async def bounded() -> AsyncIterator[bytes]:
        nonlocal full
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            full = size > MOST_ORDER_BYTES
            if full:
                raise MultiPartException("too large")  # which lets the parser clean up behind itself
            yield chunk

    parser = MultiPartParser(
        request.headers, bounded(),  # type: ignore[arg-type]  # it only iterates
        max_files=MOST_FILES, max_fields=MOST_ORDER_FIELDS, max_part_size=MOST_WORDS,
    )  # fmt: skip
    try:
        found = await parser.parse()
    except MultiPartException as error:
        if full:
            raise TooLarge("the pictures of one order are at most 20 MB in all; give larger ones by URL") from None
        raise Malformed(f"the form cannot be read: {error.message}") from None
    try:
        files = [each for _, each in found.multi_items() if isinstance(each, UploadFile) and each.filename]
        held = [(str(each.filename)[:200], await each.read()) for each in files]
        return {name: value for name, value in found.items() if isinstance(value, str)}, held
    finally:
        await found.close()


async def _read(request: Request) -> dict[str, str]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise TooLarge(f"a form of this page has at most {MOST_BYTES} bytes")
    try:
        found = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Malformed("a form of this page has fewer fields") from None
    return {name: values[0] for name, values in found.items()}
