"""`proofhook submit`: one job from the command line."""

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from submitter.cli import output
from submitter.cli.look import AsJson, Timeout, until_end

if TYPE_CHECKING:
    from receiver.ledger.views import JobView
    from receiver.storage import Storage


class Format(StrEnum):
    """What the images shall be."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"


Provider = Annotated[
    str, typer.Argument(metavar="PROVIDER", help="fal, fireworks, runware, vtrix, or the name of a plug-in's.")
]
Prompt = Annotated[str | None, typer.Option(help="What to paint, or what to change in the input image.")]
Images = Annotated[
    list[str] | None,
    typer.Option("--image", metavar="FILE|URL", help="An input image: JPEG, PNG or WebP, at most 20 MB; repeatable."),
]
Seed = Annotated[int | None, typer.Option(help="Whole number; the provider draws one when not given.")]
Ratio = Annotated[str | None, typer.Option(metavar="W:H", help="From 21:9 to 9:21; the provider's own when not given.")]
Output = Annotated[
    Format | None,
    typer.Option("--format", help="Of the images; the provider's own when not given.", show_default=False),
]
Count = Annotated[int, typer.Option("--n", min=1, help="Number of images.")]
Safety = Annotated[int | None, typer.Option(min=0, max=6, help="Tolerance: 0 strictest, 6 most permissive.")]
Upsample = Annotated[bool | None, typer.Option("--upsample/--no-upsample", help="Let the provider enlarge the prompt.")]
Model = Annotated[str | None, typer.Option(help="The provider's name of the model; FLUX.1 Kontext when not given.")]
Params = Annotated[
    list[str] | None,
    typer.Option("-p", metavar="KEY=VALUE", help="A parameter of the provider's own page; dots nest; repeatable."),
]
Upload = Annotated[bool, typer.Option("--upload", help="Ask the provider to PUT the images to us (Runware).")]
Wait = Annotated[bool, typer.Option("--wait", help="End when the images are here; needs a running proofhook serve.")]
Once = Annotated[
    str | None, typer.Option("--idempotency-key", help="The same key is the same job, sent and paid for once.")
]
Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="K=V", help="A note kept with the job; repeatable.")]


def register(app: typer.Typer) -> None:
    app.command()(submit)


def submit(
    provider: Provider,
    prompt: Prompt = None,
    image: Images = None,
    seed: Seed = None,
    aspect_ratio: Ratio = None,
    format_: Output = None,
    n: Count = 1,
    safety: Safety = None,
    upsample: Upsample = None,
    model: Model = None,
    param: Params = None,
    upload: Upload = False,
    wait: Wait = False,
    timeout: Timeout = None,
    idempotency_key: Once = None,
    tag: Tags = None,
    as_json: AsJson = False,
) -> None:
    """Send one job to a provider. A running `proofhook serve` collects its images."""
    from receiver.intake import parameters, tags

    if timeout is not None and not wait:
        raise typer.BadParameter("it bounds --wait; add that, or leave it out", param_hint="--timeout")
    order = {
        "prompt": prompt, "images": image or (), "seed": seed, "aspect_ratio": aspect_ratio,
        "output_format": format_.value if format_ else None, "n": n, "safety": safety, "upsample": upsample,
        "model": model, "params": parameters(param or ()), "upload": upload, "tags": tags(tag or ()),
        "idempotency_key": idempotency_key,
    }  # fmt: skip
    job, storage = asyncio.run(_sent(provider, order, wait, timeout))
    raise typer.Exit(_told(job, storage, wait, as_json))


async def _sent(
    provider: str,
    order: dict[str, Any],
    wait: bool,
    timeout: float | None,  # noqa: ASYNC109  the option's own name
) -> "tuple[JobView, Storage]":
    from receiver.log import configure
    from receiver.settings import load
    from submitter.client import Submitter

    settings = load()
    configure(settings.log_format, settings.log_level)
    async with Submitter(settings) as submitter:
        job = await submitter.submit(provider, **order)
        view = await job.now()
        if wait and not output.ended(view):
            output.note(f"job {job.id} {view.status}")  # before the wait: who interrupts it needs the id
            with output.working(f"waiting for job {job.id}"):
                view = await until_end(job, timeout)
        return view, job.desk.road.storage


def _told(job: "JobView", storage: "Storage", wait: bool, as_json: bool) -> int:
    """Say how it went; returns the exit status."""
    from receiver.ledger.shapes import job_json

    if as_json:
        output.say_json(job_json(job, storage))
    elif not wait:
        output.say(f"{job.id}  {job.status}")
    elif job.images:
        output.image_table(job.images)
    reason = output.why(job)
    if reason and (wait or output.ended(job)):
        output.complain(reason)
        return 1
    if not wait and job.status != "delivered":
        output.note(_next(job))
    return 0


def _next(job: "JobView") -> str:
    how = f"a running `proofhook serve` collects the images; `proofhook wait {job.id}` waits for them"
    if job.status == "pending":
        return f"no usable answer came from {job.provider}, and the job is not sent twice: {how}"
    return how
