"""What cannot be done is refused before a row is written, a byte is stored or a call is made."""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from receiver import registry
from receiver.errors import BadOrder, Misconfigured
from submitter.client import Submitter
from tests.objects import Objects
from tests.submitter.desk import ALL, ORDERS, PICTURE, PUBLIC, House, open_house, picture

BASE64 = base64.b64encode(picture()).decode()
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("fal", {"params": {"webhook_url": "https://evil.example.test"}}, "webhook_url is set by proofhook itself"),
    ("fal", {"params": {"fal_webhook": "https://evil.example.test"}}, "fal_webhook is set by proofhook itself"),
    ("fal", {"params": {"guidance_scal": 3}}, "did you mean guidance_scale"),
    ("fal", {"params": {"guidance_scale": 21}}, "from 1 to 20"),
    ("fal", {"params": {"input": {"seed": 1}}}, "no parameter input"),
    ("fal", {"images": []}, "takes 1 input image"),
    ("fal", {"images": [PICTURE, PICTURE]}, "takes 1 input image"),
    ("fal", {"images": [PICTURE], "params": {"image_url": PICTURE}}, "given twice"),
    ("fal", {"prompt": None}, "prompt (--prompt) is missing"),
    ("fal", {"n": 5}, "from 1 to 4"),
    ("fal", {"n": 0}, "from 1 to 4"),
    ("fal", {"safety": 0}, "safety_tolerance (--safety)"),
    ("fal", {"output_format": "webp"}, "jpeg or png"),
    ("fal", {"aspect_ratio": "5:4"}, "aspect_ratio (--aspect-ratio)"),
    ("fal", {"seed": -1}, "seed (--seed)"),
    ("fal", {"upsample": True}, "no prompt upsampling"),
    ("fal", {"upload": True}, "cannot put images to us"),
    ("fal", {"model": "fal-ai/flux/dev"}, "fal-ai/flux-pro/kontext only"),
    ("fireworks", {"n": 2}, "makes one image per job"),
    ("fireworks", {"upload": True}, "cannot put images to us"),
    ("fireworks", {"images": [PICTURE], "safety": 3}, "must be 0 to 2 where there is an input image"),
    ("fireworks", {"images": [PICTURE, PICTURE]}, "at most 1 input image"),
    ("fireworks", {"safety": 7}, "from 0 to 6"),
    ("fireworks", {"output_format": "webp"}, "jpeg or png"),
    ("fireworks", {"aspect_ratio": "30:9"}, "between 21:9 and 9:21"),
    ("fireworks", {"params": {"webhook_secret": "mine"}}, "set by proofhook itself"),
    ("fireworks", {"params": {"num_images": 2}}, "no parameter num_images"),
    ("runware", {"params": {"webhookURL": "https://evil.example.test"}}, "set by proofhook itself"),
    ("runware", {"params": {"taskUUID": "mine"}}, "set by proofhook itself"),
    ("runware", {"params": {"promptUpsampling": True}}, "no parameter promptUpsampling"),
    ("runware", {"params": {"providerSettings": {"bfl": {"seed": 1}}}}, "no parameter providerSettings.bfl.seed"),
    ("runware", {"params": {"width": 1024}}, "width and height together"),
    ("runware", {"params": {"ttl": 59}}, "ttl"),
    ("runware", {"n": 21}, "from 1 to 20"),
    ("runware", {"images": [PICTURE] * 3}, "at most 2 input images"),
    ("runware", {"prompt": "x"}, "of 2 to 3000 characters"),
    ("vtrix", {"n": 2}, "makes one image per job"),
    ("vtrix", {"upload": True}, "cannot put images to us"),
    ("vtrix", {"safety": 0}, "from 1 to 6"),
    ("vtrix", {"images": [PICTURE] * 5}, "at most 4 input images"),
    ("vtrix", {"params": {"webhook_url": "https://evil.example.test"}}, "calls nobody back"),
    ("vtrix", {"params": {"guidance_scale": 3}}, "no parameter guidance_scale"),
]


async def _nothing_happened(house: House) -> None:
    assert house.rows("job") == []
    assert house.files() == []
    assert house.wire.requests == []


@pytest.mark.parametrize(("name", "order", "sentence"), BAD, ids=lambda value: str(value)[:50])
async def test_a_bad_order_leaves_no_trace(tmp_path: Path, name: str, order: dict[str, Any], sentence: str) -> None:
    """Unknown, misplaced and out-of-range parameters are a sentence, and neither a row nor a call."""
    async with open_house(tmp_path) as house:
        with pytest.raises(BadOrder) as refusal:
            await house.submit(name, **order)

        assert sentence in str(refusal.value)
        await _nothing_happened(house)


async def test_an_unknown_provider_is_told_those_there_are(tmp_path: Path) -> None:
    """A misspelt provider is a BadOrder that lists the providers."""
    async with open_house(tmp_path) as house:
        with pytest.raises(BadOrder, match=r"'fall'; there are: .*fal.*runware.*vtrix"):
            await house.submitter.submit("fall", prompt="a donut")

        await _nothing_happened(house)


@pytest.mark.parametrize("name", ALL)
async def test_a_missing_key_stops_before_the_row(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its spending key a job is Misconfigured, naming the variable: no row, no stored picture, no call."""
    async with open_house(tmp_path) as house:
        variable = registry.provider(name).key_setting
        monkeypatch.setenv(variable, "  ")
        (tmp_path / "in.png").write_bytes(picture())

        with pytest.raises(Misconfigured, match=variable):
            await house.submit(name, images=[tmp_path / "in.png"])

        await _nothing_happened(house)


async def test_a_callback_url_that_does_not_fit_stops_before_the_row(tmp_path: Path) -> None:
    """What only shows when the call is composed is refused before the row, too."""
    async with open_house(tmp_path, public_url=f"https://hooks.example.test/{'x' * 2100}") as house:
        with pytest.raises(BadOrder, match="shorten PUBLIC_URL"):
            await house.submit("fireworks")

        assert house.rows("job") == []
        assert house.wire.requests == []


@pytest.mark.parametrize("name", ALL)
async def test_the_row_holds_no_picture_and_no_secret(tmp_path: Path, name: str) -> None:
    """Parameters in the row name pictures by their hash; the callback URL's token and the secret are not there."""
    async with open_house(tmp_path) as house:
        (tmp_path / "in.png").write_bytes(picture())

        job_id = await house.submit(name, images=[tmp_path / "in.png"])

        [request] = house.wire.requests
        row = str(house.row(job_id))
        assert BASE64 in request.content.decode()
        assert BASE64[:60] not in row
        assert "/hooks/" not in row
        assert "webhook" not in row.lower()


async def test_a_picture_given_as_a_parameter_is_not_shown_either(tmp_path: Path) -> None:
    """`-p input_image=<base64>` is a picture like any other: the parameters that people see hold only its hash."""
    async with open_house(tmp_path) as house:
        job_id = await house.submit("fireworks", params={"input_image": BASE64})

        assert "sha256" in (await house.job(job_id)).params["input_image"]
        assert house.wire.bodies()[0]["input_image"] == BASE64


@pytest.mark.parametrize("uploads_to", ["receiver", "storage"])
async def test_where_uploads_go(tmp_path: Path, objects: Objects, uploads_to: str) -> None:
    """`--upload` hands out our own door, or URLs of the store's own that live as long as the job may take."""
    given: dict[str, Any] = {**objects.settings(), "uploads_to": uploads_to, "job_deadline": 1800}
    async with open_house(tmp_path, **given) as house:
        job_id = await house.submit("runware", upload=True, n=2)

        [tasks] = house.wire.bodies()
        urls = [urlsplit(task["uploadEndpoint"]) for task in tasks]
        past_us = objects.endpoint.removeprefix("http://")
        assert {url.netloc for url in urls} == {past_us if uploads_to == "storage" else urlsplit(PUBLIC).netloc}
        if uploads_to == "storage":
            assert [url.path.rpartition("/incoming/")[2] for url in urls] == [f"{job_id}/0", f"{job_id}/1"]
            assert {value for url in urls for value in parse_qs(url.query)["X-Amz-Expires"]} == {"1800"}
        assert "X-Amz" not in str(house.row(job_id))


async def test_a_storage_that_signs_nothing_stops_before_the_row(tmp_path: Path) -> None:
    """UPLOADS_TO=storage with a storage of one's own making is Misconfigured before anything is spent."""
    async with open_house(tmp_path) as house:
        settings = house.road.settings.model_copy(update={"uploads_to": "storage"})
        desk = replace(house.desk, road=replace(house.road, settings=settings))

        with pytest.raises(Misconfigured, match="UPLOADS_TO"):
            await Submitter(desk=desk).submit("runware", **{**ORDERS["runware"], "upload": True})

        assert house.rows("job") == []
        assert house.wire.requests == []
