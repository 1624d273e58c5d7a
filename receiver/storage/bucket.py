"""From `s3://bucket/prefix?endpoint=…&region=…&path_style=…` to an open bucket, with bounds on every request."""

import atexit
import ipaddress
import re
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from obstore.store import S3Store

from receiver.errors import Misconfigured
from receiver.storage.refusals import TROUBLE

if TYPE_CHECKING:  # types only: obstore does not have them at run time
    from obstore.store import ClientConfig, RetryConfig, S3Config

OPTIONS = ("endpoint", "region", "path_style")
PATIENCE = timedelta(seconds=20)
"""For a part to be taken, and for each read of an answer: 5 MiB in that time is 2 Mbit/s."""
MOST_RETRIES = 3
WHOLE = timedelta(minutes=5)
"""For one request with the whole of its answer."""
LAST_REST = 0.05
"""Seconds that the client's own threads get to let go of Python before it ends. It has no way of being closed, and one
in ten short processes died of SIGABRT with all its work done: github.com/PyO3/pyo3-async-runtimes/issues/40."""

atexit.register(time.sleep, LAST_REST)

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_PRIVATE = (".localhost", ".local", ".internal", ".lan", ".svc")
_YES = {"true": True, "1": True, "false": False, "0": False}


def open_bucket(url: str, given: Mapping[str, str], patience: timedelta = PATIENCE) -> S3Store:
    """The bucket that the URL names, below its prefix. `given` are the standard AWS_… variables that were set.

    Nothing is asked of the store yet: it may be away when we start. Raises Misconfigured, never repeating the URL.
    """
    parts = _split(url)
    asked = _asked(parts)
    endpoint = (asked.get("endpoint") or given.get("AWS_ENDPOINT_URL", "")).rstrip("/")
    config = _account(given)
    config["region"] = asked.get("region") or given.get("AWS_REGION") or "us-east-1"
    config["disable_bulk_delete"] = True  # not all stores know it, and we delete one by one
    _address(config, endpoint, parts.netloc, asked.get("path_style"))
    try:
        return S3Store(
            parts.netloc,
            prefix=_prefix(parts.path),
            config=config,
            client_options=_client(patience, plain=endpoint.startswith("http://")),
            retry_config=_retries(patience),
        )
    except TROUBLE as error:
        raise _wrong(f"the object store cannot be opened ({type(error).__name__}); check its options") from None


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _wrong("write s3://bucket/prefix") from None
    if "@" in parts.netloc:
        raise _wrong("keys do not belong in it; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    if not _BUCKET.fullmatch(parts.netloc) or parts.fragment:
        raise _wrong("write s3://bucket/prefix, with the name of a bucket")
    return parts


def _prefix(path: str) -> str | None:
    steps = [step for step in unquote(path).split("/") if step]
    if {".", ".."} & set(steps) or not "".join(steps).isprintable():
        raise _wrong("the prefix holds what no key should; write s3://bucket/a/plain/prefix")
    return "/".join(steps) or None


def _asked(parts: SplitResult) -> dict[str, str]:
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    if not asked.keys() <= set(OPTIONS):
        raise _wrong(f"its options are {', '.join(OPTIONS)}; there are no others")
    if asked.get("path_style", "true") not in _YES:
        raise _wrong("path_style is true or false")
    return asked


def _account(given: Mapping[str, str]) -> "S3Config":
    key, secret, token = (
        given.get(name, "") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    )
    if bool(key) != bool(secret):
        raise Misconfigured(
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: set both, or none where the machine has a role"
        )
    config: S3Config = {"access_key_id": key, "secret_access_key": secret} if key else {}
    if token:
        config["session_token"] = token
    return config


def _address(config: "S3Config", endpoint: str, bucket: str, path_style: str | None) -> None:
    """Path style for endpoints of one's own, as they mostly want it; the bucket as a host at Amazon, as it wants it.

    A bucket's name with a dot in it matches no certificate as a host.
    """
    by_path = _YES[path_style] if path_style else bool(endpoint) or "." in bucket
    config["virtual_hosted_style_request"] = not by_path
    if endpoint:
        _check(endpoint)
        scheme, _, host = endpoint.partition("://")
        config["aws_endpoint_url_s3"] = endpoint if by_path else f"{scheme}://{bucket}.{host}"


def _check(endpoint: str) -> None:
    """Plain http would show every image, and our requests, to the network: for loopback and private names only."""
    try:
        parts = urlsplit(endpoint)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc or parts.query or parts.fragment:
        raise _wrong("the endpoint (AWS_ENDPOINT_URL) is an address such as https://objects.example.com")
    if parts.scheme == "http" and not _private(host):
        raise _wrong("the endpoint (AWS_ENDPOINT_URL) must be https; http is for loopback and private names")


def _private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE)


def _client(patience: timedelta, *, plain: bool) -> "ClientConfig":
    return {
        "allow_http": plain,
        "connect_timeout": min(patience, timedelta(seconds=5)),
        "read_timeout": patience,
        "timeout": WHOLE,
        "pool_idle_timeout": timedelta(seconds=15),
        "user_agent": "proofhook",
    }


def _retries(patience: timedelta) -> "RetryConfig":
    return {
        "max_retries": MOST_RETRIES,
        "retry_timeout": patience,
        "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2), "base": 2},
    }


def _wrong(mend: str) -> Misconfigured:
    return Misconfigured(f"STORAGE_URL: {mend}")
