from html import unescape

import httpx
import pytest

from receiver.audit.seal import open_sealer
from receiver.audit.stranger.archive import unpack
from receiver.audit.stranger.check import check
from receiver.audit.stranger.findings import Report
from receiver.pages import bundles
from receiver.road import Road
from tests.receiver.pages.seeding import Clock, Seed


async def sealed(road: Road, seed: Seed, clock: Clock) -> str:
    job_id = await seed.delivered(prompt="nobody's business")
    clock.on(seconds=3)
    await open_sealer(road.ledger, road.settings, clock).work()
    return job_id


async def test_what_it_reveals_is_said_before(browser: httpx.AsyncClient, road: Road, seed: Seed, clock: Clock) -> None:
    """The page names what the bundle tells; what is left out is not in it, and the link leaves out the same."""
    job_id = await sealed(road, seed, clock)
    page = unescape((await browser.get(f"/jobs/{job_id}/reveals")).text)
    assert "nobody's business" in page
    assert f'href="/jobs/{job_id}/bundle" download' in page
    without = unescape((await browser.get(f"/jobs/{job_id}/reveals?redact=prompt&redact=url")).text)
    assert "nobody's business" not in without
    assert f'href="/jobs/{job_id}/bundle?redact=prompt&redact=url" download' in without


async def test_a_stranger_verifies_what_was_downloaded(
    browser: httpx.AsyncClient, road: Road, seed: Seed, clock: Clock
) -> None:
    """The file is the bundle that the command writes, and never opens in the page."""
    job_id = await sealed(road, seed, clock)
    response = await browser.get(f"/jobs/{job_id}/bundle?redact=prompt")
    assert response.headers["content-type"] == "application/zip"
    assert response.headers["content-disposition"] == f'attachment; filename="proofhook-{job_id}.zip"'
    assert b"nobody's business" not in response.content
    report = Report()
    check(unpack(response.content, report), None, report)
    assert not report.findings


async def test_what_cannot_be_a_bundle_yet_is_told(browser: httpx.AsyncClient, seed: Seed) -> None:
    """Not sealed: the page says so, the file is 503; a field that is none is 400."""
    job_id = await seed.delivered()
    assert "is not sealed yet" in (await browser.get(f"/jobs/{job_id}/reveals")).text
    response = await browser.get(f"/jobs/{job_id}/bundle")
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert (await browser.get(f"/jobs/{job_id}/bundle?redact=%3Cb%3E")).status_code == 400


async def test_one_too_large_for_this_process_names_the_command(
    browser: httpx.AsyncClient, seed: Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A web process has callbacks to take: beyond a bound the command does it."""
    monkeypatch.setattr(bundles, "MOST_BYTES", 10)
    job_id = await seed.delivered()
    assert f"proofhook audit export {job_id}" in (await browser.get(f"/jobs/{job_id}/reveals")).text
    assert (await browser.get(f"/jobs/{job_id}/bundle")).status_code == 413
