"""The pages of deliveries: all that came in, and one as it came."""

from starlette.requests import Request
from starlette.responses import Response

from receiver import registry
from receiver.errors import NoSuchDelivery, Permanent
from receiver.ledger import verdict_reading
from receiver.ledger.views import DeliveryView
from receiver.pages import bodies, mends, sentences, signs
from receiver.pages.asked import ID, word
from receiver.pages.curl import curl
from receiver.pages.gate import Lobby
from receiver.pages.session import Session
from receiver.pages.why import why
from receiver.wire import tokens

PAGE = 40
MOST_BYTES = 256 * 1024
"""Of a body that are read for its page, which shows some of them."""


async def deliveries(lobby: Lobby, request: Request, session: Session) -> Response:
    """Everything that came in, believed or refused, newest first."""
    query, ledger = request.query_params, lobby.road.ledger
    provider, verdict = (word(query.get(name, ""), name) for name in ("provider", "verdict"))
    after = query.get("after", "")
    page = await ledger.came_in(provider=provider, verdict=verdict, cursor=after, limit=PAGE)
    offsets = await verdict_reading.last_good(ledger, mends.stale(page.deliveries))
    return lobby.painter.page(
        request, "deliveries.html", session, deliveries=page.deliveries, next=page.next, after=after,
        looked_to=page.looked_to,
        provider=provider, verdict=verdict, providers=sorted(registry.providers()), offsets=offsets,
        verdicts=signs.BELIEVED, refusals=mends.WRITTEN,
        sentence=sentences.of_deliveries(page.deliveries, verdict, more=bool(page.next), paged=bool(after)),
    )  # fmt: skip


async def delivery(lobby: Lobby, request: Request, session: Session) -> Response:
    """One delivery: why it was believed or not, headers and body as they came, and how to send it again."""
    name = asked_id(request)
    detail = await lobby.road.ledger.delivery(name)
    found, body = detail.view, await _body(lobby, detail.view, detail.body)
    keys = await verdict_reading.keys_of(lobby.road.ledger, [found])
    offsets = await verdict_reading.last_good(lobby.road.ledger, mends.stale([found]))
    secrets, kept = _secrets(lobby, found), body is not None or (detail.body is None and found.body_sha256 != "")
    safe = bodies.without_secrets(body, secrets) if body is not None else None
    return lobby.painter.page(
        request, "delivery.html", session, it=found, offsets=offsets.get(found.id, ()),
        reason=why(found, keys.get(found.id), lobby.settings.tolerance),
        body=bodies.shown(body, secrets) if body is not None else None,
        curl=curl(found, lobby.settings.public, safe) if kept else "", kept=kept,
        did=sentences.DONE.get(request.query_params.get("did", ""), ""),
    )  # fmt: skip


def asked_id(request: Request) -> str:
    """The id of a delivery in an address. Raises NoSuchDelivery for what is none."""
    name = str(request.path_params["id"])
    if not ID.fullmatch(name):
        raise NoSuchDelivery("this is not the id of a delivery; `proofhook deliveries` lists those there are")
    return name


async def _body(lobby: Lobby, found: DeliveryView, body: bytes | None) -> bytes | None:
    """The body as it came; None where it is too long for a page, a picture, was never kept, or is not any more."""
    if body is not None:
        return body if len(body) == found.body_bytes else None
    if found.kind == "upload" or found.body_bytes > MOST_BYTES:
        return None
    try:
        return await lobby.road.storage.get(found.body_sha256)
    except Permanent:
        return None


def _secrets(lobby: Lobby, found: DeliveryView) -> list[bytes]:
    """The signing secrets that this job may have been given: a sender that repeats one makes it no less a secret."""
    if found.job_id is None:
        return []
    return [each.encode() for each in tokens.secrets(lobby.settings.secrets, found.provider, found.job_id)]
