"""What fal's FLUX.1 Kontext takes (its model page), and how it refuses: FastAPI's 422, which is Pydantic's own list.

Unknown keys are dropped without a word, as on the real service.
"""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator

from submitter.sandbox.jobs import Job, State
from submitter.sandbox.picture import Picture
from submitter.sandbox.sizes import pixels

Ratio = Literal["21:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:21"]


class FalInput(BaseModel):
    prompt: str
    seed: int | None = None
    guidance_scale: float = Field(3.5, ge=1, le=20)
    sync_mode: bool = False
    num_images: int = Field(1, ge=1, le=4)
    output_format: Literal["jpeg", "png"] = "jpeg"
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"] = "2"
    aspect_ratio: Ratio | None = None

    def picture(self, index: int) -> Picture:
        width, height = pixels(self.aspect_ratio)
        return Picture("fal", self.prompt, self.seed or 0, width, height, self.output_format, index, self.num_images)


class FalEditInput(FalInput):
    image_url: str

    @field_validator("image_url")
    @classmethod
    def _reachable(cls, value: str) -> str:
        if not value.startswith(("http://", "https://", "data:")):
            raise ValueError("must be a URL or a data URI")
        return value


class RefusedInput(FalInput):
    """An input that was acknowledged and then found wrong (the fault `late_422`); only ever constructed."""

    detail: list[dict[str, Any]]


INPUTS: dict[str, type[FalInput]] = {
    "fal-ai/flux-pro/kontext": FalEditInput,
    "fal-ai/flux-pro/kontext/max": FalEditInput,
    "fal-ai/flux-pro/kontext/text-to-image": FalInput,
    "fal-ai/flux-pro/kontext/max/text-to-image": FalInput,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """How a request failed: the HTTP status of its response URL, fal's error type, and the detail."""

    status: int
    type: str
    detail: list[dict[str, Any]]

    @property
    def error(self) -> str:
        return f"Invalid status code: {self.status}"


def complaint(error: ValidationError) -> list[dict[str, Any]]:
    """`detail` as FastAPI writes it, without the input, which may be megabytes of base64."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [{"loc": ["body", *item["loc"]], "msg": item["msg"], "type": item["type"]} for item in found]


def problem_of(job: Job[FalInput]) -> Problem | None:
    if isinstance(job.params, RefusedInput):
        return Problem(422, "invalid_request", job.params.detail)
    match job.state:
        case State.FAILED:
            status, kind, message = 500, "internal_server_error", "The sandbox was asked to fail."
        case State.MODERATED:
            status, kind, message = 422, "content_policy_violation", "The content was flagged by a content checker."
        case State.CANCELLED:
            status, kind, message = 499, "client_cancelled", "The request was cancelled."
        case _:
            return None
    loc = ["body", "prompt"] if status == 422 else ["body"]  # noqa: PLR2004  RFC 9110 §15.5.21
    return Problem(status, kind, [{"loc": loc, "msg": message, "type": kind}])
