"""Ordering from pages: the form, what it sends, and the test job. Only the row is opened here; no key is needed."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from receiver import acts, intake, outgoing, registry
from receiver.errors import BadOrder, Misconfigured, NoSuchJob, Permanent
from receiver.ledger.views import JobView
from receiver.pages import inputs, order_form, views
from receiver.pages.asked import ID
from receiver.pages.forms import form, order_fields
from receiver.pages.gate import Lobby
from receiver.pages.order_form import LABELS, Values
from receiver.pages.render import HERE
from receiver.pages.session import Session
from receiver.settings import Settings
from receiver.settings_shown import without_password
from receiver.wire.orders import InputImage, Order
from receiver.wire.provider import Provider

PROMPT = "A donut next to the flour on a kitchen table"
TEST_TAGS = {"test": "setup"}


@dataclass(frozen=True, slots=True)
class Destination:
    """Where jobs of a provider go: the base of its API, and what says so (`setting` is empty for its own)."""

    provider: Provider
    base: str
    setting: str


def destinations(settings: Settings) -> Iterator[Destination]:
    """One for each provider, by name."""
    for provider in sorted(registry.providers().values(), key=lambda each: each.name):
        base = outgoing.base(settings, provider)
        yield Destination(provider, without_password(base), "" if base == provider.api else provider.url_setting)


def nonce() -> str:
    """What tells one form from the next, so that a form that is sent twice orders once."""
    return secrets.token_urlsafe(12)


async def blank(lobby: Lobby, request: Request, session: Session) -> Response:
    """The form: empty, or filled from an old job (`?from=`), or for one provider (`?provider=`). Raises NoSuchJob."""
    query = request.query_params
    old = await _old(lobby, query.get("from", ""))
    values = order_form.of_job(old) if old else order_form.of_fields({"n": "1"})
    values |= {"provider": query["provider"]} if "provider" in query else {}
    kept = {each.n for each in inputs.of(old)} if old else set()
    return await _form(lobby, request, session, values, old, kept)


async def place(lobby: Lobby, request: Request, session: Session) -> Response:
    """Order what the form says. A bad order is the form again, with the sentence and all that was typed."""
    fields = await order_fields(request)
    old, values = await _old(lobby, fields.get("from", "")), order_form.of_fields(fields)
    kept = {each.n for each in inputs.of(old) if fields.get(f"keep-{each.n}")} if old else set()
    try:
        provider = registry.named(values["provider"])
        held = [await _picture(lobby, old, each) for each in inputs.of(old) if each.n in kept] if old else []
        files = [intake.held(data, f"the file {name}", name) for name, data in request.state.files]
        wanted = order_form.wanted(values, held, files, old)
        key = order_form.once(fields.get("once", ""), values, held, files)
        job_id, _ = await acts.order(lobby.road, provider, wanted, order_form.tags(values), key)
    except (BadOrder, Misconfigured) as error:
        problem = intake.in_words(str(error), LABELS)
        lost = [name for name, _ in request.state.files]
        return await _form(lobby, request, session, values, old, kept, problem=problem, lost=lost)
    return _to(request, job_id)


async def test(lobby: Lobby, request: Request, _session: Session) -> Response:
    """Send a test job to one provider. Raises UnknownEndpoint."""
    provider = registry.provider(request.path_params["provider"])
    key = order_form.once((await form(request)).get("once", ""), {"provider": provider.name}, (), ())
    job_id, _ = await acts.order(lobby.road, provider, test_order(provider), TEST_TAGS, key)
    return _to(request, job_id)


def test_order(provider: Provider) -> Order:
    """A plain order that the provider takes: with an input picture of ours where it wants one. Raises BadOrder."""
    plain = Order(prompt=PROMPT)
    try:
        provider.prepare(plain)
    except BadOrder:
        picture = InputImage(data=(HERE / "kitchen.png").read_bytes(), media_type="image/png", name="kitchen.png")
        return Order(prompt=PROMPT, images=(picture,))
    return plain


async def _form(
    lobby: Lobby, request: Request, session: Session, values: Values, old: JobView | None, kept: set[int],
    *, problem: str = "", lost: list[str] | None = None,
) -> Response:  # fmt: skip
    shown = inputs.of(old) if old else ()
    held = await views.held_inputs(lobby, old) if old else set()
    return lobby.painter.page(
        request, "new.html", session, 400 if problem else 200,
        values=values, old=old, inputs=[each for each in shown if each.sha256 in held], kept=kept,
        gone=[each for each in shown if each.sha256 not in held and not each.name.startswith(("http:", "https:"))],
        destinations=list(destinations(lobby.settings)), problem=problem, lost=lost or [], once=nonce(),
    )  # fmt: skip


async def _old(lobby: Lobby, job_id: str) -> JobView | None:
    if not job_id:
        return None
    if not ID.fullmatch(job_id):
        raise NoSuchJob("this is not the id of a job; `proofhook jobs` lists those there are")
    return await lobby.road.ledger.job(job_id)


async def _picture(lobby: Lobby, old: JobView, kept: inputs.Input) -> InputImage:
    """Raises BadOrder where it is not held any more."""
    try:
        return intake.held(await lobby.road.storage.get(kept.sha256), f"input {kept.n}", kept.name)
    except Permanent:
        raise BadOrder(f"input {kept.n} of job {old.id} is not held any more: take its tick away") from None


def _to(request: Request, job_id: str) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}/jobs/{job_id}?did=order", 303)
