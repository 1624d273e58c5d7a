import base64
import re
from html import unescape

import httpx

from receiver.audit import proofs
from receiver.audit.seal import open_sealer
from receiver.ledger import trail
from receiver.road import Road
from tests.receiver.pages.seeding import Clock, Seed, png


async def test_input_pictures_stand_beside_the_result(browser: httpx.AsyncClient, seed: Seed, road: Road) -> None:
    """Those we hold are shown and served; a URL is named, and never loaded."""
    data = png((20, 10))
    held = await road.storage.put(data)
    there = {"sha256": held.sha256, "media_type": "image/png", "name": "kitchen.png"}
    images = [there, {"url": "https://elsewhere.example/in.png"}, {**there, "sha256": "0" * 64}]
    job_id = await seed.opened(order={"prompt": "x", "images": images})
    page = (await browser.get(f"/jobs/{job_id}")).text
    assert f'<img src="/jobs/{job_id}/inputs/1"' in page
    assert "kitchen.png" in page
    assert "input 2: <bdi>https://elsewhere.example/in.png" in page
    assert page.count("<img") == 1
    response = await browser.get(f"/jobs/{job_id}/inputs/1")
    assert (response.content, response.headers["content-type"]) == (data, "image/png")
    for number in ("0", "2", "3", "x"):
        assert (await browser.get(f"/jobs/{job_id}/inputs/{number}")).status_code == 404


async def test_the_same_can_be_ordered_again(browser: httpx.AsyncClient, seed: Seed) -> None:
    """The page holds no key that spends: it gives the command."""
    order = {"prompt": "It's a boat", "seed": 7, "count": 2, "images": [{"url": "https://x.example/a b"}], "extra": {}}
    page = unescape((await browser.get(f"/jobs/{await seed.opened(order=order)}")).text)
    said = """proofhook submit fal --prompt 'It'"'"'s a boat' --seed 7 --n 2 --image 'https://x.example/a b'"""
    assert said in page


async def test_evidence_is_on_the_page_of_its_job(
    browser: httpx.AsyncClient, seed: Seed, road: Road, clock: Clock
) -> None:
    """Not sealed yet is said; then entries, proofs that lead to the signed root, and when it was sealed."""
    job_id = await seed.delivered()
    assert "Not all of it is sealed yet" in (await browser.get(f"/jobs/{job_id}")).text
    clock.on(seconds=3)
    await open_sealer(road.ledger, road.settings, clock).work()
    page = (await browser.get(f"/jobs/{job_id}")).text
    assert '"what">sealed' in page
    assert re.search(r"<summary>entry \d+ <b>order</b>", page)
    for what in ("delivery", "image"):  # each leads to the proof of it
        [entry] = re.findall(rf"<summary>entry (\d+) <b>{what}</b>", page)
        assert f'href="#entry-{entry}"' in page
        assert f'id="entry-{entry}"' in page
    note = await road.ledger.read(trail.last_checkpoint)
    assert note is not None
    assert note.note.decode() in unescape(page)
    root = base64.b64decode(note.note.split(b"\n")[2])
    paths = re.findall(r"<dt>proof</dt><dd>(.*?)</dd>", page)
    leaves = re.findall(r"<dt>leaf</dt><dd><code[^>]*>([0-9a-f]{64})", page)
    numbers = re.findall(r"<summary>entry ([0-9,]+) <b>", page)
    assert len(paths) == len(leaves) == len(numbers) == note.size
    for number, leaf, path in zip(numbers, leaves, paths, strict=True):
        hashes = [bytes.fromhex(each) for each in re.findall(r"[0-9a-f]{64}", path)]
        proofs.verify_inclusion(bytes.fromhex(leaf), int(number), note.size, hashes, root)
