import io

import httpx
import pytest
from PIL import Image

from submitter.sandbox.files import HUGE, LIFETIMES

from .stage import Stage, staged


async def published(stage: Stage) -> str:
    """The URL of a finished small picture."""
    await stage.runware(outputFormat="PNG")
    await stage.idle()
    url: str = stage.listener.heard[-1].json["imageURL"]
    return url


async def downloaded(*faults: str) -> httpx.Response:
    async with staged(*faults) as stage:
        return await stage.client.get(await published(stage))


async def test_a_download_is_the_picture() -> None:
    """Type and length announced; no credential needed; the second download has the same bytes."""
    async with staged() as stage:
        url = await published(stage)
        first, second = await stage.client.get(url), await stage.client.get(url)
    assert (first.status_code, first.headers["content-type"]) == (200, "image/png")
    assert int(first.headers["content-length"]) == len(first.content)
    assert first.content == second.content


@pytest.mark.parametrize(("provider", "status"), [("fal", 404), ("fireworks", 410), ("runware", 410), ("vtrix", 410)])
async def test_a_file_is_gone_after_its_lifetime(provider: str, status: int) -> None:
    """fal says that expired files are gone; the others answer 410."""
    async with staged(lifetimes=dict.fromkeys(LIFETIMES, 0.0)) as stage:
        answer = await stage.submit(provider)
        await stage.idle()
        name = answer.json().get("request_id") or answer.json().get("id") or answer.json()["data"][0]["taskUUID"]
        job = stage.world.find(provider, name)
        assert job
        assert (await stage.client.get(job.results[0].url or "")).status_code == status


async def test_expired_url_is_dead_from_the_start() -> None:
    """Whatever its lifetime."""
    assert (await downloaded("expired_url")).status_code == 410


@pytest.mark.parametrize("provider", ["fal/files", "fireworks/files", "runware/image/ws/2/ii", "vtrix/files"])
async def test_a_file_that_never_was_is_404(provider: str) -> None:
    """At every provider."""
    async with staged() as stage:
        assert (await stage.client.get(f"/{provider}/nothing.png")).status_code == 404


async def test_html_image_is_a_page() -> None:
    """And says so."""
    answer = await downloaded("html_image")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


async def test_truncated_image_does_not_decode() -> None:
    """The length is honest, the picture is half."""
    answer = await downloaded("truncated_image")
    assert int(answer.headers["content-length"]) == len(answer.content)
    with Image.open(io.BytesIO(answer.content)) as image, pytest.raises((OSError, SyntaxError)):
        image.load()


async def test_a_counted_fault_spares_the_second_download() -> None:
    """So that a retry can succeed."""
    async with staged("truncated_image=1") as stage:
        url = await published(stage)
        first, second = await stage.client.get(url), await stage.client.get(url)
    assert len(first.content) * 2 - 1 <= len(second.content) <= len(first.content) * 2 + 1


async def test_huge_image_is_announced_and_then_not() -> None:
    """A cap must hold by the header and by counting; the beginning is a true picture."""
    async with staged("huge_image") as stage:
        url = await published(stage)
        first, second = await stage.client.get(url), await stage.client.get(url)
    assert (first.headers.get("content-length"), second.headers.get("content-length")) == (str(HUGE), None)
    assert len(first.content) == len(second.content) == HUGE
    assert second.content.startswith(b"\x89PNG")


async def test_redirect_image_points_where_no_receiver_goes() -> None:
    """An address of documentation (RFC 5737)."""
    answer = await downloaded("redirect_image")
    assert (answer.status_code, httpx.URL(answer.headers["location"]).host) == (302, "192.0.2.1")


async def test_slow_image_arrives_whole_in_the_end() -> None:
    """It only drips."""
    slow, plain = await downloaded("slow_image"), await downloaded()
    assert len(slow.content) == int(slow.headers["content-length"])
    assert slow.headers["content-type"] == plain.headers["content-type"]
