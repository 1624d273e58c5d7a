"""From a finished job to its results: published under a URL, or drawn at once where the bytes travel inline."""

import asyncio
import base64
from dataclasses import replace
from typing import Any

from submitter.sandbox.jobs import Job, Result
from submitter.sandbox.picture import SUFFIX, Picture, draw
from submitter.sandbox.world import World


async def render(
    world: World,
    job: Job[Any],
    picture: Picture,
    *,
    path: str,
    key: str = "",
    inline: bool = False,
    lifetime: float | None = None,
) -> Result:
    """One result. `[nsfw]` in the prompt blacks it out, as a safety checker does."""
    nsfw = "[nsfw]" in job.prompt
    picture = replace(picture, blank=nsfw)
    if inline:
        return Result(key, picture, None, await asyncio.to_thread(draw, picture), nsfw)
    url = world.files.keep(picture, f"{path}.{SUFFIX[picture.format]}", lifetime=lifetime)
    return Result(key, picture, url, None, nsfw)


def inline_text(result: Result) -> str:
    return base64.b64encode(result.data or b"").decode()


def data_uri(result: Result) -> str:
    """RFC 2397."""
    return f"data:{result.picture.media_type};base64,{inline_text(result)}"
