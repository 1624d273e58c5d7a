"""What `serve` says at its start of a disk that the platform will wipe."""

import os
from pathlib import Path

import pytest

from receiver.settings import Settings
from submitter.cli.disks import PLATFORMS, will_be_lost
from tests.crash.plant import Plant
from tests.crash.scene import scene

SERVER = "postgresql://somebody:secret@database.example/proofhook"


def settings(folder: Path, **given: str) -> Settings:
    here = {"database_url": f"sqlite:///{folder}/ledger.db", "storage_url": f"file:{folder}/images"}
    return Settings(_env_file=None, **(here | given))  # type: ignore[arg-type]  # pydantic reads them


@pytest.fixture(autouse=True)
def _no_volume(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the tests run, nothing is mounted."""
    monkeypatch.setattr(os.path, "ismount", lambda _: False)


@pytest.mark.parametrize("variable", PLATFORMS)
def test_each_platform_is_known(variable: str, tmp_path: Path) -> None:
    """Its own variable gives it away; the line names both settings, and what to set them to."""
    said = will_be_lost(settings(tmp_path), {variable: "x"})
    assert said is not None
    assert said.startswith(PLATFORMS[variable])
    assert "DATABASE_URL and STORAGE_URL name is lost" in said
    assert "s3://" in said
    assert "PostgreSQL" in said
    assert "\n" not in said


def test_elsewhere_nothing_is_said(tmp_path: Path) -> None:
    """A machine of one's own keeps its disk, and so does one whose variable is empty."""
    assert will_be_lost(settings(tmp_path), {}) is None
    assert will_be_lost(settings(tmp_path), {"DYNO": ""}) is None


@pytest.mark.parametrize(
    ("given", "lost", "kept"),
    [
        ({"database_url": SERVER}, "STORAGE_URL", "DATABASE_URL"),
        ({"storage_url": "s3://bucket/prefix"}, "DATABASE_URL", "STORAGE_URL"),
        (
            {"database_url": SERVER, "storage_url": "s3://bucket", "checkpoint_mirror_url": "file:m"},
            "MIRROR",
            "STORAGE",
        ),
    ],
)
def test_only_what_is_lost_is_named(given: dict[str, str], lost: str, kept: str, tmp_path: Path) -> None:
    """A database server or a bucket outlives the disk, and no password is in the line."""
    said = will_be_lost(settings(tmp_path, **given), {"RENDER": "true"})
    assert said is not None
    assert lost in said
    assert kept not in said
    assert "secret" not in said


def test_server_and_bucket_lose_nothing(tmp_path: Path) -> None:
    """With both outside there is nothing to say."""
    outside = settings(tmp_path, database_url=SERVER, storage_url="s3://bucket/prefix")
    assert will_be_lost(outside, {"DYNO": "web.1"}) is None


def test_a_volume_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands on a mounted volume is not wiped; Heroku has none, whatever is mounted there."""
    monkeypatch.setattr(os.path, "ismount", lambda folder: Path(folder) == tmp_path)
    assert will_be_lost(settings(tmp_path), {"FLY_APP_NAME": "app"}) is None
    assert will_be_lost(settings(tmp_path), {"DYNO": "web.1"}) is not None


@pytest.mark.parametrize("only", [(), ("worker",)])
async def test_serve_says_it_once(only: tuple[str, ...], tmp_path: Path) -> None:
    """Supervisor and single parts say it at their start, in one line; the supervisor's parts do not repeat it."""
    async with scene(tmp_path) as here:
        plant = Plant(tmp_path, here.plant.database_url, here.there.origin, extra={"DYNO": "web.1"}, alone=True)
        process = plant.start(*only)
        try:
            if only:
                await here.arrive(await here.traffic.fireworks())
                assert await here.delivered()
            else:
                await here.up(process)
        finally:
            process.tell()
            await here.ended(process)
            plant.stop()
        assert process.said().count("wipes this disk") == 1
