"""Settings: read in one place, refused with one line that names the variable, shown without secrets."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from receiver.errors import Misconfigured
from receiver.road import open_road
from receiver.settings import Settings, load
from receiver.settings_shown import shown

SECRET = "s" * 32


@pytest.fixture(autouse=True)
def _nothing_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty environment, in an empty folder."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def row(name: str) -> dict[str, str]:
    """One setting as it is shown."""
    [found] = [each for each in shown(load()) if each["name"] == name]
    return found


WRONG = [
    ("PORT", "http"), ("PORT", "0"), ("PORT", "65536"), ("PORT", "-1"), ("PORT", "80.5"),
    ("PUBLIC_URL", "hooks.example.com"), ("PUBLIC_URL", "ftp://hooks.example.com"), ("PUBLIC_URL", "https://"),
    ("PUBLIC_URL", "https://h/?a=b"), ("PUBLIC_URL", "https://h/#x"), ("PUBLIC_URL", "https://h:99999"),
    ("PUBLIC_URL", "https://h:port"), ("PUBLIC_URL", "http://[::1"), ("FAL_URL", "queue.fal.run"),
    ("FIREWORKS_URL", "x"), ("RUNWARE_URL", "file:///etc/passwd"), ("VTRIX_URL", "//x"), ("FAL_JWKS_URL", "jwks.json"),
    ("MAX_BODY_BYTES", "1"), ("MAX_BODY_BYTES", "much"), ("MAX_IMAGE_BYTES", "-5"), ("MAX_IMAGE_BYTES", "64 XB"),
    ("MAX_IMAGE_PIXELS", "0"), ("MAX_IMAGE_PIXELS", "1e6"), ("TIMESTAMP_TOLERANCE", "0"),
    ("TIMESTAMP_TOLERANCE", "86401"), ("TIMESTAMP_TOLERANCE", "5m"), ("JOB_DEADLINE", "9"), ("JOB_DEADLINE", "1" * 18),
    ("LOG_FORMAT", "xml"), ("LOG_LEVEL", "loud"), ("LOG_LEVEL", "INFO!"), ("CONFIRM_UNSIGNED", "runwear"),
    ("CONFIRM_UNSIGNED", "fal,nobody"), ("IMAGE_HOSTS", "http://localhost:8000"), ("IMAGE_HOSTS", "localhost:0"),
    ("IMAGE_HOSTS", "ok.example,*.example"), ("FIREWORKS_SIGNATURE_FORM", "sha1=hex"),
    ("UPLOADS_TO", "storage"), ("UPLOADS_TO", "bucket"),
    ("CHECKPOINT_MIRROR_URL", "memory:"), ("CHECKPOINT_MIRROR_URL", "/mnt/mirror"), ("CHECKPOINT_MIRROR_URL", "file:"),
    ("CHECKPOINT_MIRROR_URL", "file:images/"), ("CHECKPOINT_MIRROR_URL", "FILE:./images/../images"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Every wrong value stops the start with one line that begins with its variable."""
    monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured) as caught:
        load()
    said = str(caught.value)
    assert said.startswith(f"{name}:")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://h/d"), ("DATABASE_URL", "sqlite://"), ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "nonsense"), ("STORAGE_URL", "ftp://h"), ("STORAGE_URL", "images"), ("STORAGE_URL", "file:"),
        ("PROOFHOOK_SECRET", "short"), ("PROOFHOOK_SECRET", f"{SECRET},short"), ("PROOFHOOK_SECRET", ",,"),
    ],
)  # fmt: skip
def test_a_wrong_place_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """What cannot be opened stops the start, too; the line names the variable and shows no secret."""
    monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured, match=name) as caught:
        open_road(load())
    assert SECRET not in str(caught.value)


def test_the_defaults_are_the_contracts() -> None:
    """Without any setting the values are those of the contract."""
    found = load()
    assert (found.public, found.listen, found.database_url) == (
        "http://127.0.0.1:8000", ("127.0.0.1", 8000), "sqlite:///proofhook.db",
    )  # fmt: skip
    assert (found.storage_url, found.image_hosts, found.log_level) == ("file:./images", (), "info")
    assert (int(found.max_body_bytes), int(found.max_image_bytes)) == (16 * 2**20, 64 * 2**20)
    assert (found.max_image_pixels, found.tolerance) == (120_000_000, timedelta(seconds=300))
    assert (found.forwarded_allow_ips, found.options) == ("127.0.0.1", {})


@pytest.mark.parametrize(
    ("port", "host", "heard"),
    [
        (None, None, ("127.0.0.1", 8000)), ("9000", None, ("0.0.0.0", 9000)), ("9000", "::1", ("::1", 9000)),  # noqa: S104
        (None, "10.0.0.1", ("10.0.0.1", 8000)), ("", None, ("127.0.0.1", 8000)),
    ],
)  # fmt: skip
def test_where_to_listen(monkeypatch: pytest.MonkeyPatch, port: str | None, host: str | None, heard: object) -> None:
    """A platform that gives PORT wants to be heard from outside; HOST has the last word."""
    for name, value in (("PORT", port), ("HOST", host)):
        if value is not None:
            monkeypatch.setenv(name, value)
    assert load().listen == heard


def test_a_port_in_the_env_file_is_no_platforms() -> None:
    """Only the environment speaks for a platform: a developer's `.env` does not open the machine to the network."""
    Path(".env").write_text("PORT=9001\n")
    assert load().listen == ("127.0.0.1", 9001)


def test_the_env_file_and_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env` is read, the environment wins over it, and names that are not ours are left alone."""
    Path(".env").write_text("LOG_LEVEL=debug\nJOB_DEADLINE=60\nFAL_KEY=spending\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("JOB_DEADLINE", "90")
    found = load()
    assert (found.log_level, found.job_deadline) == ("debug", 90)
    assert "spending" not in repr(found) + str(shown(found))
    assert {name: row(name)["source"] for name in ("LOG_LEVEL", "JOB_DEADLINE", "PORT")} == {
        "LOG_LEVEL": ".env", "JOB_DEADLINE": "environment", "PORT": "default",
    }  # fmt: skip


def test_a_wrong_value_in_the_env_file_is_named() -> None:
    """It does not matter where a wrong value stands."""
    Path(".env").write_text("LOG_LEVEL=loud\n")
    with pytest.raises(Misconfigured, match=r"^LOG_LEVEL: "):
        load()


def test_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty value is none, and is not shown as the source of anything."""
    Path(".env").write_text("LOG_FORMAT=\nMAX_BODY_BYTES=\n")
    for name in ("PORT", "PUBLIC_URL", "MAX_IMAGE_BYTES", "IMAGE_HOSTS", "CONFIRM_UNSIGNED", "PROOFHOOK_SECRET"):
        monkeypatch.setenv(name, "")
    found = load()
    assert (found.port, found.max_image_bytes, found.log_format) == (8000, 64 * 2**20, "auto")
    assert {row(name)["source"] for name in ("PORT", "IMAGE_HOSTS", "LOG_FORMAT", "MAX_BODY_BYTES")} == {"default"}


def test_lists_and_sizes_are_read_as_people_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commas with blanks around them, sizes with units, addresses with a slash at the end."""
    given = {
        "IMAGE_HOSTS": " localhost:8000 , cdn.example ,", "CONFIRM_UNSIGNED": "fireworks, runware",
        "MAX_BODY_BYTES": "2MiB", "PUBLIC_URL": "https://hooks.example.com/in/", "FAL_USER_ID": "user_1",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    found = load()
    assert (found.image_hosts, found.confirm_unsigned) == (("localhost:8000", "cdn.example"), ("fireworks", "runware"))
    assert (int(found.max_body_bytes), found.public) == (2 * 2**20, "https://hooks.example.com/in")
    assert found.options == {"FAL_USER_ID": "user_1"}
    assert row("IMAGE_HOSTS")["value"] == "localhost:8000,cdn.example"


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither our keys nor a password inside an address is in what is printed, or in a traceback's repr."""
    given = {
        "PROOFHOOK_SECRET": f"{SECRET},{SECRET[::-1]}x", "ADMIN_TOKEN": "open sesame",
        "DATABASE_URL": "postgresql://user:p4ss@db.example/x", "FAL_URL": "https://me:pr0xy@proxy.example",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    printed = str(shown(load()))
    assert not [word for word in (SECRET, "sesame", "p4ss", "pr0xy") if word in printed]
    assert row("DATABASE_URL")["value"] == "postgresql://user:********@db.example/x"
    assert row("ADMIN_TOKEN") == {"name": "ADMIN_TOKEN", "value": "********", "source": "environment"}
    assert not [word for word in (SECRET, "sesame", "p4ss") if word in repr(load())]


def test_where_the_secrets_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset with SQLite they come from the file beside the database; unset with a server they are not set."""
    assert row("PROOFHOOK_SECRET")["source"] == f"file {Path('proofhook.db.keys')}"
    assert not Path("proofhook.db.keys").exists()
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example/x")
    assert row("PROOFHOOK_SECRET") == {"name": "PROOFHOOK_SECRET", "value": "", "source": "not set"}


def test_our_keys_are_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Newest last, comma-separated, blanks around them dropped."""
    monkeypatch.setenv("PROOFHOOK_SECRET", f"{SECRET} , {SECRET}2,")
    assert load().secrets == (SECRET.encode(), f"{SECRET}2".encode())


def test_settings_do_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """A running process has one set of settings: they are read once, and nothing writes to them."""
    found: Any = load()
    monkeypatch.setitem(os.environ, "PORT", "9")
    assert found.port == 8000
    with pytest.raises(ValueError, match="frozen"):
        found.port = 9


def test_a_plug_ins_own_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The base of a provider that we do not know is read from the environment by its own name."""
    monkeypatch.setenv("OTHER_URL", "https://other.example/")
    assert [load().base(name) for name in ("FAL_URL", "OTHER_URL", "NO_URL")] == [
        "https://queue.fal.run", "https://other.example", "",
    ]  # fmt: skip


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"LOG_LEVEL=\xff"])
def test_an_env_file_that_is_no_text(content: bytes) -> None:
    """A `.env` that cannot be read as text is a line, not a traceback."""
    Path(".env").write_bytes(content)
    with pytest.raises(Misconfigured, match=r"\.env"):
        load()


def test_the_object_stores_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard variables are read from `.env` too, reach the store by their names, and their secrets no eye."""
    Path(".env").write_text("AWS_SECRET_ACCESS_KEY=s3cr3t\nAWS_SESSION_TOKEN=passing\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("STORAGE_URL", "S3://images/here")
    monkeypatch.setenv("UPLOADS_TO", "storage")
    found = load()
    given = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s3cr3t", "AWS_SESSION_TOKEN": "passing"}
    assert (found.account, found.uploads_to) == (given, "storage")
    assert not {"s3cr3t", "passing"} & set((repr(found) + str(shown(found))).replace("'", " ").split())
    assert row("AWS_SECRET_ACCESS_KEY") == {"name": "AWS_SECRET_ACCESS_KEY", "value": "********", "source": ".env"}
    monkeypatch.setenv("AWS_SESSION_TOKEN", "")
    Path(".env").unlink()
    assert row("AWS_SESSION_TOKEN")["source"] == "not set"


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://tsa.example/tsr", True),
        ("https://me:word@tsa.example:8443/", True),
        ("http://127.0.0.1:3161/", True),
        ("http://[::1]:3161/", True),
        ("http://localhost/tsr", True),
        ("http://tsa.example/tsr", True),
        ("http://me:word@tsa.example/", False),
        ("ftp://localhost/", False),
        ("https://tsa.example/?a=b", False),
        ("tsa.example", False),
    ],
)
def test_the_address_of_a_timestamp_authority(monkeypatch: pytest.MonkeyPatch, url: str, good: bool) -> None:
    """Plain http will do, but for a password; it is used as it was written, and its password is shown to nobody."""
    monkeypatch.setenv("TSA_URL", url)
    if not good:
        with pytest.raises(Misconfigured, match="TSA_URL: write an address"):
            load()
        return
    found = load()
    assert found.tsa_url == url
    assert "word@" not in repr(found) + str(shown(found))


def test_the_mirror_is_another_place_than_the_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another prefix or endpoint is another place; the same, however it is spelled, is refused, and no URL repeated."""
    monkeypatch.setenv("STORAGE_URL", "s3://images/here?endpoint=https://objects.example")
    for other in ("s3://images/there?endpoint=https://objects.example", "s3://images/here", "file:/here"):
        assert load(checkpoint_mirror_url=other).checkpoint_mirror_url == other
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://objects.example/")
    with pytest.raises(Misconfigured, match=r"^CHECKPOINT_MIRROR_URL: that is where STORAGE_URL leads") as caught:
        load(checkpoint_mirror_url="S3://images/here/?region=eu")
    assert "images" not in str(caught.value)


def test_the_viewers_token_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is nobody; blanks, and ADMIN_TOKEN itself, are refused by name; its value is shown to nobody."""
    monkeypatch.setenv("ADMIN_TOKEN", "open sesame")
    assert load().viewer is None
    monkeypatch.setenv("VIEWER_TOKEN", " look around ")
    assert load().viewer == b"look around"
    assert "look around" not in repr(load()) + str(shown(load()))
    assert row("VIEWER_TOKEN") == {"name": "VIEWER_TOKEN", "value": "********", "source": "environment"}
    for wrong in ("  ", " open sesame"):
        with pytest.raises(Misconfigured, match=r"^VIEWER_TOKEN is"):
            _ = load(viewer_token=wrong).viewer
