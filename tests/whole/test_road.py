"""From order to picture, against the sandbox of every provider, with real sockets."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from receiver.ledger.views import JobView
from tests.whole.stage import House, open_house

ORDERS: dict[str, tuple[str, dict[str, Any]]] = {
    "fal, two images": ("fal", {"n": 2, "aspect_ratio": "16:9", "pictured": True, "seed": 42}),
    "fireworks": ("fireworks", {"aspect_ratio": "3:4", "pictured": True, "output_format": "png"}),
    "runware by download": ("runware", {"n": 3, "aspect_ratio": "16:9"}),
    "runware by PUT": ("runware", {"n": 2, "upload": True, "output_format": "webp"}),
    "vtrix, asked": ("vtrix", {"output_format": "png"}),
    "fal inline": ("fal", {"pictured": True, "params": {"sync_mode": True}}),
    "runware inline": ("runware", {"params": {"outputType": "base64Data"}}),
}


async def send(
    house: House, provider: str, order: dict[str, Any], prompt: str = "Put a donut next to the flour."
) -> JobView:
    order = dict(order)
    images = [house.input_picture()] if order.pop("pictured", False) else []
    job = await house.submitter.submit(provider, prompt=prompt, images=images, **order)
    return await house.ends(job)


def whole(view: JobView, expected: int) -> None:
    """Every picture is a file that hashes to its name and opens with the pixels that the ledger tells."""
    assert view.status == "delivered", (view.error, view.images)
    assert len(view.images) == expected
    assert [image.n for image in view.images] == list(range(1, expected + 1))
    for image in view.images:
        assert image.path is not None
        data = image.path.read_bytes()
        assert hashlib.sha256(data).hexdigest() == image.sha256
        assert len(data) == image.bytes
        with Image.open(image.path) as picture:
            assert (picture.size, picture.get_format_mimetype()) == ((image.width, image.height), image.media_type)


@pytest.mark.parametrize("name", ORDERS)
async def test_a_picture_comes_all_the_way(name: str, tmp_path: Path) -> None:
    """A job of each provider, in each way that its pictures may arrive, ends delivered."""
    provider, order = ORDERS[name]
    async with open_house(tmp_path) as house:
        view = await send(house, provider, order)
    whole(view, order.get("n", 1))


async def test_each_provider_is_believed_for_its_own_reason(tmp_path: Path) -> None:
    """fal by Ed25519, Fireworks by the job's own secret, Runware by its token, Vtrix because it was asked."""
    schemes = {}
    async with open_house(tmp_path) as house:
        for name in ("fal, two images", "fireworks", "runware by download", "vtrix, asked"):
            provider, order = ORDERS[name]
            view = await send(house, provider, order)
            schemes[provider] = {
                (one.scheme, one.verdict) for one in view.deliveries if one.verdict != "asked" or provider == "vtrix"
            }
    assert schemes == {
        "fal": {("fal-ed25519", "verified")},
        "fireworks": {("hmac-sha256", "verified")},
        "runware": {("capability", "unsigned")},
        "vtrix": {("asked", "asked")},
    }


@pytest.mark.parametrize("provider", ["fal", "fireworks", "runware"])
async def test_a_callback_before_the_submit_call_returns_is_matched(provider: str, tmp_path: Path) -> None:
    """The row stands before the call, so a callback that overtakes the acknowledgement finds it."""
    async with open_house(tmp_path, faults={"early": 0}) as house:
        view = await send(house, provider, {"pictured": provider == "fal"})
    whole(view, 1)
    assert all(one.verdict in {"verified", "unsigned"} for one in view.deliveries)


@pytest.mark.parametrize("fault", ["duplicate", "reorder", "wrapped", "flat_error", "put_late"])
async def test_repeats_and_order_change_nothing(fault: str, tmp_path: Path) -> None:
    """Callbacks repeated, reordered or wrapped, and a PUT after its callback, end in the same pictures."""
    async with open_house(tmp_path, faults={fault: 0}) as house:
        downloads = await send(house, "runware", {"n": 3})
        uploads = await send(house, "runware", {"n": 2, "upload": True})
        signed = await send(house, "fal", {"n": 2, "pictured": True})
    for view, expected in ((downloads, 3), (uploads, 2), (signed, 2)):
        whole(view, expected)
    assert {image.arrived_by for image in uploads.images} == {"upload"}


async def test_forgeries_are_refused_and_written_down(tmp_path: Path) -> None:
    """A forged and a stale callback are refused, kept with their verdict, and the true one still counts."""
    async with open_house(tmp_path, faults={"forged": 0}) as house:
        forged = await send(house, "fal", {"pictured": True})
        forged = await house.until(house.submitter.job(forged.id), lambda job: len(job.deliveries) > 1)
    whole(forged, 1)
    assert {one.verdict for one in forged.deliveries} >= {"verified", "unknown_key"}


async def test_an_unsigned_callback_of_fireworks_only_makes_us_ask(tmp_path: Path) -> None:
    """A body that nobody signed is a hint: the provider's own answer brings the picture."""
    async with open_house(tmp_path, faults={"unsigned": 0}) as house:
        view = await send(house, "fireworks", {})
    whole(view, 1)
    assert {(one.kind, one.verdict) for one in view.deliveries} == {("hook", "unsigned"), ("answer", "asked")}


@pytest.mark.parametrize("fault", ["payload_error", "null_payload"])
async def test_ok_without_a_payload_is_asked_about(fault: str, tmp_path: Path) -> None:
    """fal says OK and could not write the payload: the result is fetched from the response URL."""
    async with open_house(tmp_path, faults={fault: 0}) as house:
        view = await send(house, "fal", {"pictured": True})
    whole(view, 1)
    assert "answer" in {one.kind for one in view.deliveries}


async def test_a_lost_callback_is_asked_about(tmp_path: Path) -> None:
    """Where no callback comes, `retry` has the provider asked, and the answer takes the same road."""
    async with open_house(tmp_path, faults={"lost": 0}) as house:
        job = await house.submitter.submit("runware", prompt="a donut", n=2)
        await house.sandbox_is_done()
        await house.road.ledger.retried(job.id, house.road.clock())
        view = await house.ends(job)
    whole(view, 2)


async def test_a_put_that_never_comes_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the PUT does not come in time, the URL of the callback is fetched instead."""
    from datetime import timedelta

    from receiver.ledger import climb

    monkeypatch.setattr(climb, "UPLOAD_PATIENCE", timedelta(seconds=0.2))
    async with open_house(tmp_path, faults={"put_never": 0}) as house:
        view = await send(house, "runware", {"n": 2, "upload": True})
    whole(view, 2)
    assert {image.arrived_by for image in view.images} == {"download"}


@pytest.mark.parametrize("provider", ["fal", "fireworks", "runware", "vtrix"])
@pytest.mark.parametrize("prompt", ["[fail] a donut", "[moderate] a donut"])
async def test_a_failure_keeps_the_providers_own_words(provider: str, prompt: str, tmp_path: Path) -> None:
    """A job that failed or was moderated ends failed, with code and message, and no image is waited for."""
    async with open_house(tmp_path) as house:
        view = await send(house, provider, {"pictured": provider == "fal"}, prompt)
    assert view.status == "failed"
    assert view.error is not None
    assert view.error["code"]
    assert view.error["message"]
    assert view.images == ()


@pytest.mark.parametrize("fault", ["html_image", "expired_url"])
async def test_a_picture_that_cannot_be_had_is_a_dead_letter_until_retried(fault: str, tmp_path: Path) -> None:
    """What the URL serves is no picture: a dead letter, shown with its reason; `retry` takes it up again."""
    async with open_house(tmp_path, faults={fault: 1}) as house:
        job = await house.submitter.submit("vtrix", prompt="a donut")
        view = await house.ends(job)
        assert view.stuck
        assert view.images[0].error
        if fault == "html_image":
            await house.road.ledger.retried(job.id, house.road.clock())
            whole(await house.until(job, lambda now: now.status == "delivered"), 1)


async def test_a_truncated_picture_is_tried_again(tmp_path: Path) -> None:
    """A download that breaks off stores nothing and is tried again."""
    async with open_house(tmp_path, faults={"truncated_image": 1}) as house:
        view = await send(house, "vtrix", {})
    whole(view, 1)
