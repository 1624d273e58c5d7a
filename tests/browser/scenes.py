"""What the still houses hold: a working day with every sort of job, and one in which every text is hostile."""

from typing import Any

from receiver.audit.seal import open_sealer
from receiver.errors import BadSignature
from receiver.wire.types import Failure
from submitter.sandbox.picture import Format, Picture, draw
from tests.browser import calling
from tests.receiver.pages.seeding import Seed

DAY: tuple[tuple[str, str, tuple[int, int], Format], ...] = (
    ("fal", "Put a donut next to the flour.", (1392, 752), "jpeg"),
    ("runware", "A lighthouse in a storm, oil on canvas", (832, 1248), "webp"),
    ("vtrix", "The same kitchen at night, lit by one candle", (1024, 1024), "png"),
    ("fireworks", "Turn the label of the bottle to the front", (752, 1392), "jpeg"),
    ("fal", "Morning fog over the allotments", (1568, 672), "jpeg"),
    ("runware", "Remove the cable, keep the shadow", (1248, 832), "jpeg"),
)
"""Provider, prompt, pixels and form of what was delivered, oldest first."""


async def day(seed: Seed) -> dict[str, str]:
    """Delivered, collecting, waiting, failed and a dead letter; refused callbacks, and what they lacked."""
    jobs = {"failed": await _opened(seed, "vtrix", "A prompt that the provider would not take", "poster")}
    seed.clock.on(seconds=6)
    said = Failure("content_moderated", "The prompt was flagged by the provider's safety checker; nothing was charged.")
    await calling.vtrix(seed, jobs["failed"], said)
    jobs["dead"] = await _opened(seed, "fal", "Two views of the same teapot", "teapot", expected=2)
    await calling.fal(seed, jobs["dead"], 2)
    picture = Picture("fal", "Two views of the same teapot", 7, 640, 640)
    await seed.stored(jobs["dead"], draw(picture), "0", picture.media_type)
    await seed.buried(jobs["dead"], "v3.fal.media answered 403: the address has expired", key="1")
    seed.clock.on(minutes=4)
    for number, (provider, prompt, (width, height), form) in enumerate(DAY):
        picture = Picture(provider, prompt, 40 + 3 * number, width, height, form)
        jobs[f"delivered {number}"] = await _delivered(seed, picture)
        seed.clock.on(seconds=35 * number + 20)
    jobs["collecting"] = await _opened(seed, "runware", "A paper boat in the gutter", "boat")
    await seed.came(jobs["collecting"], "runware")
    jobs["waiting"] = await _opened(seed, "fal", "A tram in the snow", "tram")
    stale = await calling.fal(seed, jobs["waiting"], age=412)
    await calling.fal(seed, jobs["waiting"], forged=True)
    await calling.fal(seed, jobs["waiting"], without="X-Fal-Webhook-Signature")
    seed.clock.on(seconds=9)
    await open_sealer(seed.road.ledger, seed.road.settings, seed.clock).work()
    seed.clock.on(seconds=8)
    return jobs | {"delivery": str(stale.delivery_id)}


async def _opened(seed: Seed, provider: str, prompt: str, shelf: str, **given: Any) -> str:
    return await seed.opened(provider, prompt, tags={"shelf": shelf}, **given)


async def _delivered(seed: Seed, picture: Picture) -> str:
    job_id = await _opened(seed, picture.provider, picture.prompt, "spring")
    seed.clock.on(milliseconds=37 * picture.seed)
    match picture.provider:
        case "fal":
            await calling.fal(seed, job_id)
        case "fireworks":
            await calling.fireworks(seed, job_id)
        case "vtrix":
            await calling.vtrix(seed, job_id)
        case _:
            await seed.came(job_id, picture.provider)
    await seed.stored(job_id, draw(picture), media_type=picture.media_type)
    return job_id


MARKUP = (
    "<script>window.canary = 1</script><img src=x onerror='window.canary = 1'><b data-canary>bold</b>\"'}{{7*7}}{% x %}"
)
HOSTILE = f"{MARKUP}\u202eevil\u2066\u200f\x00\x07\x1b[31m\x85\r\n\u0645\u0631\u062d\u0628\u0627 " + "W" * 10_000
"""Markup, template marks, direction and control marks, and a word of 10,000 letters."""


async def hostile(seed: Seed) -> dict[str, str]:
    """Prompt, parameter, tag, model, headers, provider's code and message: every text that strangers write."""
    given: dict[str, Any] = {
        "order": {
            "prompt": HOSTILE, "model": HOSTILE, "aspect_ratio": HOSTILE, "extra": {HOSTILE[:300]: HOSTILE},
            "images": [{"name": HOSTILE}, {"url": f"https://{HOSTILE}"}],
        },
        "params": {"prompt": HOSTILE, HOSTILE[:300]: HOSTILE, "image_url": HOSTILE},
        "tags": {HOSTILE[:64]: HOSTILE}, "model": HOSTILE,
    }  # fmt: skip
    line = HOSTILE.translate(dict.fromkeys(map(ord, "\r\n\x00"))).encode()  # which no server lets into a header
    lines = ((b"x-note", line), (MARKUP.encode(), line))
    jobs = {name: await seed.opened(prompt=HOSTILE, **given) for name in ("failed", "dead", "delivered", "refused")}
    failure = await seed.came(jobs["failed"], error=Failure(HOSTILE, HOSTILE), headers=lines, body=HOSTILE.encode())
    await seed.came(jobs["dead"], headers=lines, body=HOSTILE.encode())
    await seed.buried(jobs["dead"], HOSTILE)
    await seed.came(jobs["delivered"], headers=lines)
    await seed.stored(jobs["delivered"])
    refusal = await seed.came(jobs["refused"], refusal=BadSignature(HOSTILE), headers=lines, body=HOSTILE.encode())
    await open_sealer(seed.road.ledger, seed.road.settings, seed.clock).work()
    seed.clock.on(seconds=5)
    return jobs | {"failure": str(failure.delivery_id), "refusal": str(refusal.delivery_id)}
