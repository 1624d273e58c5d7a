"""Where the URLs of STORAGE_URL and CHECKPOINT_MIRROR_URL lead, before anything is opened."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from receiver.errors import Misconfigured

STORAGE, MIRROR = "STORAGE_URL", "CHECKPOINT_MIRROR_URL"


def folder_of(rest: str, setting: str = STORAGE) -> Path:
    """The path in a file URL (RFC 8089), which may also be relative to the working directory."""
    path = unquote(rest.removeprefix("//localhost") if rest.startswith("//localhost/") else rest)
    if path.startswith("///"):
        path = path[2:]
    if not path or path.startswith("//") or "\0" in path:
        raise Misconfigured(f"{setting}: name a folder of this machine, as file:./images or file:///absolute/folder")
    return Path(path)


def apart(mirror_url: str, storage_url: str, account: Mapping[str, str]) -> None:
    """Raises Misconfigured unless the mirror's URL is of a place that persists, and of another than the storage's."""
    if not mirror_url.lower().startswith(("file:", "s3:")):
        raise Misconfigured(f"{MIRROR}: write file:/folder or s3://bucket/prefix")
    if where(mirror_url, MIRROR, account) == where(storage_url, STORAGE, account):
        raise Misconfigured(f"{MIRROR}: that is where STORAGE_URL leads; choose another bucket, prefix or folder")


def where(url: str, setting: str, account: Mapping[str, str]) -> tuple[str, ...]:
    """The place that a URL names, alike for all spellings of one place. Raises Misconfigured for what is no URL."""
    scheme, _, rest = url.partition(":")
    if scheme.lower() == "file":
        return "file", str(folder_of(rest, setting).resolve())
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Misconfigured(f"{setting}: write s3://bucket/prefix") from None
    endpoint = dict(parse_qsl(parts.query)).get("endpoint") or account.get("AWS_ENDPOINT_URL", "")
    return scheme.lower(), endpoint.rstrip("/").lower(), parts.netloc, *filter(None, unquote(parts.path).split("/"))
