"""What a Runware task may hold (its model page), and how Runware complains about one that does not."""

import re
import uuid
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

DOCUMENTATION = "https://runware.ai/docs/models/bfl-flux-1-kontext-pro"


def _uuid4(value: str) -> str:
    if uuid.UUID(value).version != 4:  # noqa: PLR2004  RFC 9562 §5.4
        raise ValueError("must be a UUID v4")
    return value


def _web(value: str) -> str:
    if not re.match(r"https?://[^/\s]+", value):
        raise ValueError("must be a URI")
    return value


Uri = Annotated[str, AfterValidator(_web)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class Inputs(_Strict):
    reference_images: list[str] = Field(default_factory=list, min_length=1, max_length=2)


class Safety(_Strict):
    check_content: bool = False
    mode: Literal["none", "fast"] = "none"


class BflSettings(_Strict):
    prompt_upsampling: bool = False
    safety_tolerance: int = Field(2, ge=0, le=6)


class ProviderSettings(_Strict):
    bfl: BflSettings = BflSettings()


class RunwareTask(_Strict):
    """`imageInference`. Width and height have no bounds on the page; ours only protect the sandbox."""

    task_type: Literal["imageInference"]
    task_uuid: Annotated[str, AfterValidator(_uuid4)] = Field(alias="taskUUID")
    model: Literal["bfl:3@1", "bfl:4@1"]
    positive_prompt: str = Field(min_length=2, max_length=3000)
    width: int = Field(ge=16, le=2048)
    height: int = Field(ge=16, le=2048)
    inputs: Inputs | None = None
    seed: int | None = Field(None, ge=0, le=9223372036854776000)
    output_type: Literal["URL", "base64Data", "dataURI"] = "URL"
    output_format: Literal["JPG", "PNG", "WEBP"] = "JPG"
    output_quality: int = Field(95, ge=20, le=99)
    webhook_url: Uri | None = Field(None, alias="webhookURL")
    upload_endpoint: Uri | None = None
    delivery_method: Literal["sync", "async"] | None = None
    safety: Safety = Safety()
    ttl: int | None = Field(None, ge=60)
    include_cost: bool = False
    number_results: int = Field(1, ge=1, le=20)
    provider_settings: ProviderSettings = ProviderSettings()

    @property
    def waits(self) -> bool:
        """Whether the answer carries the results: sync is the page's default, but a webhook makes no sense with it."""
        return self.delivery_method == "sync" or (self.delivery_method is None and not self.webhook_url)


def complaint(
    code: str, message: str, *, task: Any = None, parameter: str | None = None, kind: str | None = None
) -> dict[str, Any]:
    """One entry of `errors`, with the keys of Runware's errors page."""
    found: dict[str, Any] = {"code": code, "message": message, "parameter": parameter, "type": kind}
    found["documentation"] = f"{DOCUMENTATION}#request-{parameter.lower()}" if parameter else DOCUMENTATION
    if isinstance(task, dict):
        found |= {key: task[key] for key in ("taskUUID", "taskType") if isinstance(task.get(key), str)}
    return {key: value for key, value in found.items() if value is not None}


def complaints(error: ValidationError, task: Any) -> list[dict[str, Any]]:
    return [
        complaint(
            _code(item),
            f"Invalid value for {_parameter(item)!r}: {item['msg']}",
            task=task,
            parameter=_parameter(item),
            kind=item["type"],
        )
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    ]


def _parameter(item: Any) -> str:
    return ".".join(str(part) for part in item["loc"]) or "task"


def _code(item: Any) -> str:
    if item["type"] == "extra_forbidden":
        return "unsupportedParameter"
    last = str(item["loc"][-1]) if item["loc"] else "task"
    return f"{'missing' if item['type'] == 'missing' else 'invalid'}{last[:1].upper()}{last[1:]}"
