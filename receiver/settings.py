"""Every setting of the receiver on one page. Read from the environment or `.env`; a wrong one stops the start.

Spending keys are not here: the exposed process never reads them (see submitter/keys.py).
"""

import os
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import ByteSize, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from receiver import registry
from receiver.errors import Misconfigured
from receiver.guard import Rules
from receiver.keyfile import own_keys
from receiver.storage import apart

Names = Annotated[tuple[str, ...], NoDecode]
"""Comma-separated in the environment."""

SECRET_BYTES = 16
LOOPBACK = ("localhost", "127.0.0.1", "::1")
OPTIONS = ("FAL_JWKS_URL", "FAL_USER_ID", "FIREWORKS_SIGNATURE_HEADER", "FIREWORKS_SIGNATURE_FORM")
ACCOUNT = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


class Settings(BaseSettings):
    """One attribute per variable, upper-case in the environment; `docs/settings.md` is made from this class."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    public_url: str = Field("", description="the address under which providers reach the receiver")
    port: int = Field(8000, ge=1, le=65535, description="where to listen")
    host: str = Field("", description="where to listen; 0.0.0.0 when PORT was given by the platform")
    web_concurrency: int = Field(1, ge=1, le=64, description="web processes of one `serve`, which share the port")
    database_url: str = Field("sqlite:///proofhook.db", repr=False, description="SQLite, or postgresql://")
    storage_url: str = Field(
        "file:./images",
        description="a folder; s3://bucket/prefix (options `?endpoint=…&region=…&path_style=true`); memory: for tests",
    )
    uploads_to: Literal["receiver", "storage"] = Field(
        "receiver",
        description="where --upload has a provider PUT images: to us, or by signed URLs straight to the s3 storage",
    )
    aws_endpoint_url: str = Field("", description="address of the object store; Amazon's own when empty")
    aws_region: str = Field("", description="region of the bucket; us-east-1 when empty")
    aws_access_key_id: str = Field("", description="key for the bucket; the machine's own role when empty")
    aws_secret_access_key: str = Field("", repr=False, description="the secret of that key")
    aws_session_token: str = Field("", repr=False, description="where the key is a passing one")
    checkpoint_mirror_url: str = Field(
        "",
        description="a second place for every checkpoint: file:/folder or s3://bucket/prefix; none when empty",
    )
    proofhook_secret: str = Field(
        "", repr=False, description="our own keys, newest last, comma-separated; made on first start with SQLite"
    )
    admin_token: str = Field("", repr=False, description="opens the pages and the API; made like PROOFHOOK_SECRET")
    viewer_token: str = Field(
        "", repr=False, description="opens the pages to those who may see and not act; nobody when empty"
    )
    fal_url: str = Field("https://queue.fal.run", description="base of fal's queue API")
    fireworks_url: str = Field("https://api.fireworks.ai", description="base of Fireworks' API")
    runware_url: str = Field("https://api.runware.ai", description="base of Runware's API")
    vtrix_url: str = Field("https://cloud.vtrix.ai", description="base of Vtrix's API")
    fal_jwks_url: str = Field("", description="fal's public keys; the provider's own address when empty")
    fal_user_id: str = Field("", description="pin: only callbacks of this fal account are believed")
    fireworks_signature_header: str = Field(
        "", description="header of Fireworks' signature; X-BFL-Signature when empty"
    )
    fireworks_signature_form: Literal["", "sha256=hex", "hex", "base64"] = Field(
        "", description="sha256=hex (default), hex or base64"
    )
    confirm_unsigned: Names = Field(
        (), description="more providers whose unsigned callbacks are asked about before they are believed"
    )
    image_hosts: Names = Field(
        (), description="more hosts to download from: host or host:port; only these may be http or private"
    )
    max_body_bytes: ByteSize = Field(ByteSize(16 * 2**20), ge=1024, description="largest callback")
    max_image_bytes: ByteSize = Field(ByteSize(64 * 2**20), ge=1024, description="largest image")
    max_image_pixels: int = Field(120_000_000, ge=1, description="largest image, in pixels")
    timestamp_tolerance: int = Field(300, ge=1, le=86400, description="seconds, both ways")
    job_deadline: int = Field(
        3600, ge=10, le=30 * 86400, description="seconds after which a job without an end is expired"
    )
    retention_days: int | None = Field(
        None,
        ge=1,
        le=36500,
        description="days after a job's end until its prompts, headers and images are purged; for ever when empty",
    )
    tsa_url: str = Field(
        "", repr=False, description="timestamp authority (RFC 3161) that stamps our checkpoints; none when empty"
    )
    tsa_roots: str = Field(
        "", description="PEM file with the root certificates of all authorities so far; without it no stamp is verified"
    )
    tsa_every: int = Field(3600, ge=60, le=7 * 86400, description="seconds from one stamp to the next, at least")
    forwarded_allow_ips: str = Field("127.0.0.1", description="proxies whose X-Forwarded-* are believed, as in uvicorn")
    log_format: Literal["console", "json", "auto"] = Field("auto", description="console on a terminal, else json")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="what is logged")

    @field_validator("confirm_unsigned", "image_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("confirm_unsigned")
    @classmethod
    def _are_providers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """A slip of the pen here would let unsigned callbacks be believed."""
        if unknown := set(value) - set(registry.providers()):
            raise ValueError(f"no provider {min(unknown)}; there are: {', '.join(sorted(registry.providers()))}")
        return value

    @field_validator("uploads_to")
    @classmethod
    def _can_be_put_to(cls, value: str, info: ValidationInfo) -> str:
        if value == "storage" and not str(info.data.get("storage_url", "s3:")).lower().startswith("s3:"):
            raise ValueError("storage needs STORAGE_URL=s3://bucket/prefix; a folder has no URL to PUT to")
        return value

    @field_validator("checkpoint_mirror_url")
    @classmethod
    def _is_a_place_of_its_own(cls, value: str, info: ValidationInfo) -> str:
        account = {name: str(info.data.get(name.lower(), "")) for name in ACCOUNT}
        if value:
            apart(value, str(info.data.get("storage_url", "")), account)
        return value

    @field_validator("image_hosts")
    @classmethod
    def _are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        Rules(value)
        return value

    @field_validator("public_url", "fal_url", "fireworks_url", "runware_url", "vtrix_url", "fal_jwks_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if value and not _plain(value):
            raise ValueError("write an address such as https://hooks.example.com")
        return value.rstrip("/")

    @field_validator("tsa_url")
    @classmethod
    def _keeps_its_password(cls, value: str) -> str:
        """Plain http will do, and some authorities have nothing else: what they answer is signed, and has our nonce."""
        if value and (not _plain(value) or (value.startswith("http:") and "@" in value)):
            raise ValueError("write an address such as http://tsa.example.com/tsr; with a password only https")
        return value

    @cached_property
    def listen(self) -> tuple[str, int]:
        """Host and port. A platform that gives PORT wants to be heard from outside."""
        return self.host or ("0.0.0.0" if os.environ.get("PORT") else "127.0.0.1"), self.port  # noqa: S104

    @cached_property
    def public(self) -> str:
        return self.public_url or f"http://127.0.0.1:{self.port}"

    @cached_property
    def secrets(self) -> tuple[bytes, ...]:
        """Our own keys, oldest first. Raises Misconfigured when one is too short to be one."""
        given = self.proofhook_secret or own_keys(self.database_url)["PROOFHOOK_SECRET"]
        keys = tuple(part.strip().encode() for part in given.split(",") if part.strip())
        if not keys or min(map(len, keys)) < SECRET_BYTES:
            raise Misconfigured(
                f"PROOFHOOK_SECRET: each key needs at least {SECRET_BYTES} characters; try `proofhook keys new`"
            )
        return keys

    @cached_property
    def admin(self) -> bytes:
        """The token that signs in. Raises Misconfigured for one of blanks: then nobody could be let in."""
        found = self.admin_token or own_keys(self.database_url)["ADMIN_TOKEN"]
        if not found.strip():
            raise Misconfigured("ADMIN_TOKEN is empty: set it, or unset it to have one made")
        return found.encode()

    @cached_property
    def viewer(self) -> bytes | None:
        """The token that signs in to look, None where there is none. Raises Misconfigured where it lets act, too."""
        if not self.viewer_token:
            return None
        found = self.viewer_token.strip()
        if not found:
            raise Misconfigured("VIEWER_TOKEN is empty: set it, or unset it and nobody signs in with it")
        if found.encode() == self.admin.strip():
            raise Misconfigured("VIEWER_TOKEN is ADMIN_TOKEN: who may look could act; try `proofhook keys new`")
        return found.encode()

    @cached_property
    def tolerance(self) -> timedelta:
        return timedelta(seconds=self.timestamp_tolerance)

    @cached_property
    def options(self) -> dict[str, str]:
        """What reaches the keyring and the schemes, by setting name; only those that were set."""
        return {name: value for name in OPTIONS if (value := getattr(self, name.lower()))}

    @cached_property
    def account(self) -> dict[str, str]:
        """What reaches the object store, by setting name; only those that were set."""
        return {name: value for name in ACCOUNT if (value := getattr(self, name.lower()))}

    def base(self, url_setting: str) -> str:
        """The base URL of a provider's API; a plug-in's own setting is read from the environment."""
        return str(getattr(self, url_setting.lower(), "")) or os.environ.get(url_setting, "").rstrip("/")


def load(**given: Any) -> Settings:
    """Settings from the environment and `.env`; raises Misconfigured with one line naming the variable and the mend."""
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = "_".join(str(part) for part in first["loc"][:1]).upper()
        raise Misconfigured(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None
    except (OSError, UnicodeError) as error:
        raise Misconfigured(f".env cannot be read as UTF-8 text ({type(error).__name__})") from None


def _plain(url: str) -> bool:
    """Whether it is an http(s) address without query or fragment. Raises ValueError for a port that is none."""
    parts = urlsplit(url)
    named = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    return bool(named) and not (parts.query or parts.fragment)
