"""A job's page says beside each picture what the picture says of its own making."""

import re
from html import unescape

import httpx
import pytest

from receiver.audit.provenance import credential
from receiver.road import Road
from tests.receiver.audit.provenance.making import borrowed, signed
from tests.receiver.pages.seeding import Seed, png


def text(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


async def test_a_valid_credential_stands_beside_its_picture(browser: httpx.AsyncClient, seed: Seed) -> None:
    """State as glyph and word, issuer, what made it, source type; a hostile issuer is text."""
    job = await seed.delivered(data=signed("image/png", "<b>Maker</b>"))
    page = (await browser.get(f"/jobs/{job}")).text
    assert "content credential ● valid issuer <b>Maker</b> made with a model 1.5 source type trainedAlg" in text(page)
    assert "<b>Maker" not in page


async def test_an_invalid_one_only_claims(browser: httpx.AsyncClient, seed: Seed) -> None:
    """An altered picture says why, and what it says is called a claim."""
    job = await seed.delivered(data=borrowed())
    page = text((await browser.get(f"/jobs/{job}")).text)
    assert "content credential ▲ invalid assertion.dataHash.mismatch claims issuer Test Maker" in page


async def test_absent_is_said_and_a_lost_file_is_not(browser: httpx.AsyncClient, seed: Seed, road: Road) -> None:
    """No credential is a fact; a file that cannot be read is none, and the page comes all the same."""
    job = await seed.delivered(data=png(colour="red"))
    assert "content credential ○ absent" in text((await browser.get(f"/jobs/{job}")).text)
    await road.storage.delete((await road.ledger.job(job)).images[0].sha256 or "")
    page = await browser.get(f"/jobs/{job}")
    assert page.status_code == 200
    assert "content credential" not in page.text


async def test_a_picture_is_read_once(browser: httpx.AsyncClient, seed: Seed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes under a hash never change: a page that is looked at again starts no process."""
    job = await seed.delivered(data=signed("image/png", "Once"))
    assert "Once" in (await browser.get(f"/jobs/{job}")).text
    monkeypatch.setattr(credential, "read", None)
    assert "Once" in (await browser.get(f"/jobs/{job}")).text
