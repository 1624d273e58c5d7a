"""The newest checkpoint beside the file: whole, and never a reason to stop."""

from pathlib import Path

import structlog

from receiver.audit.witness import Witness


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_the_newest_stands_beside_the_file(tmp_path: Path) -> None:
    """As `<file>.checkpoint`; the one before is gone, and no draft is left."""
    witness = Witness(f"sqlite:///{tmp_path}/a.db")
    assert witness.newest() is None
    await witness.saw(b"one")
    await witness.saw(b"two")
    assert witness.newest() == (tmp_path / "a.db.checkpoint").read_bytes() == b"two"
    assert witness.place == str(tmp_path / "a.db.checkpoint")
    assert names(tmp_path) == ["a.db.checkpoint"]


async def test_a_server_has_none(tmp_path: Path) -> None:
    """There is no file to stand beside."""
    witness = Witness("postgresql://there/db")
    await witness.saw(b"one")
    assert (witness.newest(), witness.place) == (None, "")


async def test_a_disk_that_does_not_take_it_is_told_of(tmp_path: Path) -> None:
    """Sealing goes on; the log says where it should have stood, and what cannot be read is none."""
    witness = Witness(f"sqlite:///{tmp_path}/a.db")
    (tmp_path / "a.db.checkpoint").mkdir()
    with structlog.testing.capture_logs() as logs:
        await witness.saw(b"one")
    assert logs[0]["file"] == witness.place
    assert witness.newest() is None
