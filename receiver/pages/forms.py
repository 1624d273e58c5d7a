"""Forms as browsers send them."""

from urllib.parse import parse_qs

from starlette.requests import Request

from receiver.errors import Malformed, TooLarge

MOST_BYTES = 8 * 1024
MOST_FIELDS = 16


async def form(request: Request) -> dict[str, str]:
    """The fields of a small form; of a name that stands there twice, the first. Raises TooLarge, Malformed.

    Whoever asks again is given the same: the gate looks before the page does.
    """
    if not hasattr(request.state, "form"):
        request.state.form = await _read(request)
    return dict(request.state.form)


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
