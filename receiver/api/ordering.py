"""Ordering: a job from a program's words. Only the row is opened; whoever reconciles makes the call, with its key."""

import json
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from receiver import acts, registry
from receiver.api.asking import NothingAsked, asked
from receiver.api.hatch import Hatch
from receiver.api.models import Job
from receiver.api.problem import HEADERS, problem
from receiver.errors import BadOrder, KeyReused, Malformed, TooLarge
from receiver.intake import in_words, picture
from receiver.ledger import shapes
from receiver.wire.orders import Order

KEY = "idempotency-key"
"""The header that may stand for the field of that name."""
NAMES = {
    "--prompt": "prompt", "--image": "images", "--seed": "seed", "--aspect-ratio": "aspect_ratio", "--n": "n",
    "--format": "output_format", "--safety": "safety", "--upsample": "upsample", "--model": "model", "-p": "params",
    "--upload": "upload", "--idempotency-key": "idempotency_key",
}  # fmt: skip
"""What the command's options are called here."""
Text = Annotated[str, Field(max_length=200)]
Whole = Annotated[str, Field(pattern="^-?[0-9]{1,25}$")]


class OrderGiven(BaseModel):
    """An order: the names are those of `Submitter.submit`. What is not given is the provider's own default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: Annotated[str, Field(pattern="^[a-z0-9_.-]{1,64}$", description="such as `fal`")]
    prompt: Annotated[str, Field(max_length=20_000)] | None = None
    images: list[str] = Field([], max_length=16, description="URLs, or data URIs in base64 of at most 20 MB each")
    seed: StrictInt | Whole | None = Field(None, description="a string where it exceeds your JSON's numbers")
    aspect_ratio: Text | None = Field(None, description="`16:9`")
    output_format: Text | None = Field(None, description="`jpeg`, `png`, `webp`")
    n: StrictInt = Field(1, ge=1, le=100, description="number of images")
    safety: StrictInt | None = Field(None, ge=0, le=6, description="tolerance: 0 strictest, 6 most permissive")
    upsample: StrictBool | None = Field(None, description="let the provider enlarge the prompt")
    model: Text | None = None
    params: dict[str, Any] = Field({}, description="parameters of the provider's own page")
    upload: StrictBool = Field(False, description="the provider puts the images to us, where it can")
    tags: dict[Text, Text] = Field({}, max_length=32, description="notes kept with the job")
    idempotency_key: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="the same key is the same job; or the header Idempotency-Key"
    )


async def order(hatch: Hatch, request: Request) -> Response:
    """202 with the job where it is new, 200 where its key is known. Raises Malformed, TooLarge, KeyReused."""
    asked(request, NothingAsked)
    given = _order(await _body(request, int(hatch.road.settings.max_body_bytes)))
    key = _key(given, request)
    try:
        provider = registry.named(given.provider)
        job_id, new = await acts.order(hatch.road, provider, _wanted(given), given.tags, key)
    except KeyReused:
        raise
    except BadOrder as error:
        return problem(HTTPStatus.BAD_REQUEST, error.slug, in_words(str(error), NAMES))
    found = Job.model_validate(shapes.job_json(await hatch.road.ledger.job(job_id), hatch.road.storage))
    where = {"Location": f"{request.scope.get('root_path', '')}/api/v1/jobs/{job_id}"} if new else {}
    status = HTTPStatus.ACCEPTED if new else HTTPStatus.OK
    return Response(found.model_dump_json(), status, HEADERS | where, "application/json")


def _wanted(given: OrderGiven) -> Order:
    return Order(
        prompt=given.prompt, images=tuple(map(picture, given.images)),
        seed=None if given.seed is None else int(given.seed), aspect_ratio=given.aspect_ratio,
        output_format=given.output_format, count=given.n, safety=given.safety, upsample=given.upsample,
        model=given.model, upload=given.upload, extra=given.params,
    )  # fmt: skip


def _order(body: bytes) -> OrderGiven:
    """Raises Malformed, naming what does not fit."""
    try:
        return OrderGiven.model_validate(json.loads(body))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part)[:64] for part in first["loc"]) or "the order"
        raise Malformed(f"{where}: {first['msg']}") from None
    except (ValueError, RecursionError):
        raise Malformed('the body is not a JSON object in UTF-8 such as {"provider": "fal", "prompt": "…"}') from None


def _key(given: OrderGiven, request: Request) -> str | None:
    headers = request.headers.getlist(KEY)
    told = {*headers, *([given.idempotency_key] if given.idempotency_key is not None else [])}
    if len(told) > 1 or len(headers) > 1:
        raise Malformed("two idempotency keys are given; one order has one")
    if headers and not 1 <= len(headers[0]) <= 200:  # noqa: PLR2004  as the field's
        raise Malformed("Idempotency-Key has 1 to 200 characters")
    return next(iter(told), None)


async def _body(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLarge(f"the order is larger than MAX_BODY_BYTES ({limit}); a large picture is better given by URL")
    return bytes(body)
