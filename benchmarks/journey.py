"""From the provider's "done" to the image on disk: called back and collected by us, or polled as vendors' clients do.

The sandbox runs in this process, so that the moment at which a job is done is known; receiver and worker run in
processes of their own on the server's core. The bare download is the same image fetched by hand to a file.
"""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import httpx
import uvicorn

from benchmarks.goals import Goal
from benchmarks.processes import SERVER, free_port, python
from benchmarks.servers import Place, settings
from receiver.settings import load
from submitter.client import Submitter
from submitter.sandbox import fal
from submitter.sandbox.app import create_sandbox
from submitter.sandbox.jobs import Result
from submitter.sandbox.picture import Picture, draw
from submitter.sandbox.pictures import render
from submitter.sandbox.world import World

PUSHED = Goal(
    "done-to-disk", "provider's “done” to image on disk, over the bare download, median", 30, "ms", least=False
)
GOALS = (PUSHED,)
POLLED = {"fal-client 1.0.3": 0.1, "replicate 1.0.7": 0.5, "runware 0.5.24": 1.0}
"""Seconds between two questions, each package's own default: DEFAULT_QUEUE_POLL_INTERVAL, REPLICATE_POLL_INTERVAL,
RUNWARE_IMAGE_POLLING_DELAY."""
PROMPT = "Put a donut next to the flour."
INPUT = "https://example.com/kitchen.png"
KEY = {"authorization": "Key demo-key"}
PATIENCE = 30.0


def measure(place: Place, count: int) -> list[dict[str, Any]]:
    sandbox, port = free_port(), free_port()
    folder = place.children.folder / "journey"
    folder.mkdir()
    origin = f"http://127.0.0.1:{sandbox}"
    given = settings(f"sqlite:///{folder / 'proofhook.db'}", folder, place.stock) | {
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "IMAGE_HOSTS": f"127.0.0.1:{sandbox}",
        "FAL_JWKS_URL": f"{origin}/fal/.well-known/jwks.json",
        "FAL_URL": f"{origin}/fal",
        "FAL_KEY": "demo-key",
    }
    with patch.dict(os.environ, given), patch.object(fal, "render", _drawn):
        return asyncio.run(_journey(place, given, (sandbox, port), count))


async def _journey(place: Place, given: dict[str, str], ports: tuple[int, int], count: int) -> list[dict[str, Any]]:
    sandbox, port = ports
    app = create_sandbox(f"http://127.0.0.1:{sandbox}", time_scale=0.3)
    async with _serving(app, sandbox), Submitter(load()) as submitter, httpx.AsyncClient(trust_env=False) as client:
        web = place.children.start("road-web", _part("web", "--port", port), SERVER, given)
        await asyncio.to_thread(place.children.up, "road-web", web, port)
        worker = place.children.start("road-worker", _part("worker"), SERVER, given)
        await asyncio.sleep(1.5)
        jobs = app.state.world.jobs
        over, bare = [], []
        for number in range(count + 2):
            pushed, url = await _pushed(submitter, jobs)
            alone = await _download(client, url, place.children.folder / "bare.png")
            if number > 1:  # the first ones open connections and fetch keys
                over.append((pushed - alone) * 1000)
                bare.append(alone * 1000)
        polled = await asyncio.gather(*(_polled(client, jobs, name, place, sandbox, count) for name in POLLED))
    place.children.end(web, worker)
    facts = {"bare_ms": round(median(bare), 1), "polled_ms": dict(zip(POLLED, polled, strict=True))}
    return [PUSHED.row(over, facts)]


async def _drawn(world: World, job: Any, picture: Picture, **more: Any) -> Result:
    """The picture is drawn (and kept by `draw`) when its job is done, not by the first who downloads it."""
    await asyncio.to_thread(draw, picture)
    return await render(world, job, picture, **more)


async def _pushed(submitter: Submitter, jobs: dict[Any, Any]) -> tuple[float, str]:
    """Seconds from done to stored, and where the image came from."""
    job = await submitter.submit("fal", prompt=PROMPT, images=INPUT)
    theirs = jobs["fal", (await job.now()).request_id]
    done_at = await _done(theirs)
    view = await job.wait(PATIENCE)
    stored_at = view.images[0].stored_at
    assert stored_at is not None, f"job {view.status}: {view.error}"
    return stored_at.timestamp() - done_at, theirs.results[0].url


async def _done(theirs: Any) -> float:
    await asyncio.wait_for(theirs.done.wait(), PATIENCE)
    return time.time()


async def _download(client: httpx.AsyncClient, url: str, path: Path) -> float:
    began = time.perf_counter()
    path.write_bytes((await client.get(url)).raise_for_status().content)  # noqa: ASYNC240  nothing else runs here
    return time.perf_counter() - began


async def _polled(
    client: httpx.AsyncClient, jobs: dict[Any, Any], name: str, place: Place, port: int, count: int
) -> float:
    """Median of milliseconds from done to disk, above nothing: what a vendor's client takes all in all."""
    model, order = f"http://127.0.0.1:{port}/fal/fal-ai/flux-pro/kontext", {"prompt": PROMPT, "image_url": INPUT}
    found = []
    for _ in range(count):
        said = (await client.post(model, json=order, headers=KEY)).json()
        done = asyncio.create_task(_done(jobs["fal", said["request_id"]]))
        # a job may take any time, so that the question may come at any moment after its end
        await asyncio.sleep(random.uniform(0, POLLED[name]))  # noqa: S311  a phase, not a secret
        while (await client.get(said["status_url"], headers=KEY)).json()["status"] != "COMPLETED":  # noqa: ASYNC110
            await asyncio.sleep(POLLED[name])
        output = (await client.get(said["response_url"], headers=KEY)).json()
        await _download(client, output["images"][0]["url"], place.children.folder / f"{name}.png")
        found.append((time.time() - await done) * 1000)
    return round(median(found), 1)


def _part(name: str, *more: object) -> list[str]:
    return python("-m", "submitter.cli", "serve", "--only", name, *more)


@asynccontextmanager
async def _serving(app: Any, port: int) -> AsyncIterator[None]:
    """A uvicorn in this loop; its signals are the benchmark's own."""
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical", access_log=False)
    server = uvicorn.Server(config)
    with patch.object(server, "capture_signals", nullcontext):
        running = asyncio.create_task(server.serve())
        try:
            while not server.started:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            yield
        finally:
            server.should_exit = True
            await running
