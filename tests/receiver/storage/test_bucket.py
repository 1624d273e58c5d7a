"""From STORAGE_URL to an open bucket: what is taken, what is refused, and that no secret is ever repeated."""

import sys
from datetime import timedelta

import obstore
import pytest
from obstore.store import S3Store

from receiver.errors import Misconfigured
from receiver.storage import open_storage
from receiver.storage.bucket import MOST_RETRIES, open_bucket
from tests.objects import ACCOUNT


def address(url: str, **given: str) -> str:
    """Where the object `x` stands, as the client itself would ask for it."""
    return obstore.sign(open_bucket(url, ACCOUNT | given), "GET", "x", timedelta(minutes=1)).partition("?")[0]


def test_the_url_names_bucket_prefix_endpoint_and_region() -> None:
    """Options of the URL win over the variables."""
    url, other = "s3://images/a/b%20c/?endpoint=https://o.example/&region=auto", "https://other.example"
    assert address(url, AWS_ENDPOINT_URL=other) == "https://o.example/images/a/b%20c/x"
    assert address("s3://images", AWS_ENDPOINT_URL=other) == "https://other.example/images/x"
    assert open_bucket(url, ACCOUNT).config["region"] == "auto"
    assert open_bucket("s3://images", ACCOUNT).config["region"] == "eu-central-1"


def test_the_endpoint_given_to_us_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service-specific variable that other software here wants does not lead our images elsewhere."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://elsewhere.example")
    assert address("s3://images?endpoint=https://o.example") == "https://o.example/images/x"


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("s3://images", "https://images.s3.eu-central-1.amazonaws.com/x"),
        ("s3://my.images", "https://s3.eu-central-1.amazonaws.com/my.images/x"),
        ("s3://images?path_style=true", "https://s3.eu-central-1.amazonaws.com/images/x"),
        ("s3://images?endpoint=https://o.example", "https://o.example/images/x"),
        ("s3://images?endpoint=https://o.example&path_style=0", "https://images.o.example/x"),
    ],
)
def test_path_or_host(url: str, there: str) -> None:
    """The bucket is a host at Amazon, and a path elsewhere or where its name fits no certificate."""
    assert address(url) == there


@pytest.mark.parametrize(
    "host", ["127.0.0.1:9000", "localhost:9000", "10.1.2.3", "[::1]:9000", "minio:9000", "minio.railway.internal"]
)
def test_plain_http_where_it_stays_at_home(host: str) -> None:
    """Loopback and private names that were given explicitly may be http."""
    assert isinstance(open_bucket(f"s3://images?endpoint=http://{host}", ACCOUNT), S3Store)


@pytest.mark.parametrize(
    "url",
    [
        "s3:", "s3://", "s3:///images", "s3://key:secret@images/prefix", "s3://a b", "s3://images/a/../b",
        "s3://images/%00", "s3://images#x", "s3://images?acl=public", "s3://images?path_style=maybe", "s3://[::1",
        "s3://images?endpoint=objects.example.com", "s3://images?endpoint=http://objects.example.com",
        "s3://images?endpoint=http://8.8.8.8:9000", "s3://images?endpoint=https://u:secret@h",
        "s3://images?endpoint=https://h:port", "s3://images?endpoint=https://h/?secret=1",
    ],
)  # fmt: skip
def test_a_junk_url_is_misconfigured(url: str) -> None:
    """One line that names the setting, and never repeats the URL."""
    with pytest.raises(Misconfigured, match=r"^STORAGE_URL: ") as caught:
        open_storage(url, ACCOUNT)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_half_an_account_is_misconfigured(name: str) -> None:
    """A key without its secret, or the other way round, opens nothing."""
    with pytest.raises(Misconfigured, match=r"^AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: ") as caught:
        open_storage("s3://images", {name: "s3cr3t"})
    assert "s3cr3t" not in str(caught.value)


def test_a_passing_key_is_passed_on() -> None:
    """AWS_SESSION_TOKEN belongs to the key it came with."""
    store = open_bucket("s3://images", ACCOUNT | {"AWS_SESSION_TOKEN": "passing"})
    assert "X-Amz-Security-Token=passing" in obstore.sign(store, "GET", "x", timedelta(minutes=1))


def test_every_request_is_bounded() -> None:
    """No call may hang: connect, silence, the whole, and the retries all have an end."""
    store = open_bucket("s3://images", ACCOUNT, timedelta(seconds=3))
    assert store.client_options is not None
    assert {"connect_timeout", "read_timeout", "timeout"} <= store.client_options.keys()
    assert store.retry_config is not None
    assert (store.retry_config["max_retries"], store.retry_config["retry_timeout"]) == (
        MOST_RETRIES, timedelta(seconds=3),
    )  # fmt: skip


def test_without_the_extra_the_mend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who wants a folder need not have the client; who wants S3 is told what to install."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "obstore"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "obstore", None)
    for name in ("objects", "bucket", "parts", "refusals", "shelf"):
        monkeypatch.delitem(sys.modules, f"receiver.storage.{name}", raising=False)
    with pytest.raises(Misconfigured, match=r"pip install 'proofhook\[s3\]'"):
        open_storage("s3://images", ACCOUNT)
