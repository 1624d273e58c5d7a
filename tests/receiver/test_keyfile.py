"""Our own secrets on a fresh machine: made once, readable by nobody else, and by hand where processes share no disk."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from receiver.errors import Misconfigured
from receiver.keyfile import NAMES, key_file, own_keys, rotate
from receiver.wire import tokens
from tests.receiver.house import configured

START = "import sys; from receiver.keyfile import own_keys; sys.stdin.read(1); print(own_keys(sys.argv[1]))"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/made/here/ledger.db"


def keys_of(url: str) -> Path:
    file = key_file(url)
    assert file is not None
    return file


def test_made_on_first_use(url: str) -> None:
    """Beside the database, in a folder that may not be there yet; later starts read the same."""
    made = own_keys(url)
    assert (sorted(made), made) == (sorted(NAMES), own_keys(url))
    assert made["PROOFHOOK_SECRET"] != made["ADMIN_TOKEN"]
    assert min(map(len, made.values())) == 64
    assert keys_of(url).name == "ledger.db.keys"


def test_readable_by_nobody_else(url: str) -> None:
    """Mode 0600 from the first moment, and no draft is left beside it."""
    own_keys(url)
    assert keys_of(url).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in keys_of(url).parent.iterdir()] == ["ledger.db.keys"]


def test_two_machines_have_two_secrets(tmp_path: Path) -> None:
    """What is made is random."""
    made = [own_keys(f"sqlite:///{tmp_path}/{name}.db") for name in "ab"]
    assert len({value for each in made for value in each.values()}) == 4


def test_eight_processes_at_once_agree(url: str) -> None:
    """However many processes start at once, one of them makes the keys and all have the same."""
    command = [sys.executable, "-c", START, url]
    starting = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    for each in starting:
        assert each.stdin is not None
        each.stdin.write("x")
        each.stdin.flush()
    said = {each.communicate(timeout=30)[0] for each in starting}
    assert [each.returncode for each in starting] == [0] * 8
    assert said == {f"{own_keys(url)}\n"}
    assert len(list(keys_of(url).parent.iterdir())) == 1


def test_threads_of_one_process_agree(url: str) -> None:
    """Those who share a process id (threads here, containers on one volume elsewhere) do not write one draft."""
    with ThreadPoolExecutor(8) as pool:
        assert len({str(made) for made in pool.map(own_keys, [url] * 64)}) == 1
    assert len(list(keys_of(url).parent.iterdir())) == 1


@pytest.mark.parametrize("url", ["postgresql://db.example/x", "postgres://user:hush@db.example/x"])
def test_by_hand_with_a_server(tmp_path: Path, url: str) -> None:
    """Processes on a database server share no disk: the keys must be set, and the line says so without a password."""
    assert key_file(url) is None
    with pytest.raises(Misconfigured, match=r"^PROOFHOOK_SECRET and ADMIN_TOKEN") as caught:
        own_keys(url)
    assert "hush" not in str(caught.value)
    assert configured(tmp_path, database_url=url).admin == b"a token for people"
    with pytest.raises(Misconfigured, match="ADMIN_TOKEN"):
        _ = configured(tmp_path, database_url=url, admin_token="").admin


@pytest.mark.parametrize("left", ["", "PROOFHOOK_SECRET=\nADMIN_TOKEN=x\n", "ADMIN_TOKEN=x\n", "no lines of ours"])
def test_a_file_with_a_key_missing(url: str, left: str) -> None:
    """A damaged file is named; a new secret is not made up, since URLs that are out would all die."""
    keys_of(url).parent.mkdir(parents=True)
    keys_of(url).write_text(left)
    with pytest.raises(Misconfigured, match=r"^PROOFHOOK_SECRET is missing in .*ledger\.db\.keys"):
        own_keys(url)
    assert keys_of(url).read_text() == left


@pytest.mark.parametrize("how", ["a folder", "no text", "no parent"])
def test_a_file_that_cannot_be_read(url: str, how: str) -> None:
    """What the disk says against it is one line that names the settings, not a traceback."""
    file = keys_of(url)
    file.parent.parent.mkdir(parents=True)
    if how == "no parent":
        file.parent.write_text("in the way")
    else:
        file.parent.mkdir()
        file.mkdir() if how == "a folder" else file.write_bytes(b"PROOFHOOK_SECRET=\xff\n")
    with pytest.raises(Misconfigured, match="PROOFHOOK_SECRET"):
        own_keys(url)


def test_what_is_set_by_hand_comes_first(tmp_path: Path) -> None:
    """The environment's keys are used where they are given; the file then is not even made."""
    given = configured(tmp_path)
    assert (given.secrets[-1], given.admin) == (b"the new key of our own", b"a token for people")
    assert list(tmp_path.iterdir()) == []
    made = configured(tmp_path, proofhook_secret="", admin_token="")
    assert (made.secrets, made.admin) == tuple(
        (value.encode(),) if name == "PROOFHOOK_SECRET" else value.encode()
        for name, value in own_keys(made.database_url).items()
    )


def test_rotation_by_appending(tmp_path: Path) -> None:
    """A second key in the file's line is a rotation: the old token still opens, the new key makes new ones."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    before, job = own_keys(url)["PROOFHOOK_SECRET"], "3f2b8c1e-6d4a-4e57-9b0f-2a1c5d7e9f10"
    token = tokens.mint([before.encode()], "hook", "fal", job)
    file = keys_of(url)
    file.write_text(file.read_text().replace(before, f"{before},{'n' * 32}"))
    secrets = configured(tmp_path, proofhook_secret="").secrets
    assert secrets == (before.encode(), b"n" * 32)
    assert tokens.check(secrets, "hook", "fal", token).job_id == job
    assert tokens.mint(secrets, "hook", "fal", job) != token


def test_a_rotation_puts_a_new_secret_behind_the_old(url: str) -> None:
    """All else stays, whatever else stands in the file; mode 0600, and no draft is left."""
    before, file = own_keys(url), keys_of(url)
    file.write_text(f"# ours\n{file.read_text()}")
    rotate(file)
    after = own_keys(url)
    old, new = after["PROOFHOOK_SECRET"].split(",")
    assert old == before["PROOFHOOK_SECRET"]
    assert (len(new), new != old) == (64, True)
    assert after["ADMIN_TOKEN"] == before["ADMIN_TOKEN"]
    assert file.read_text().startswith("# ours\n")
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["ledger.db.keys"]


def test_rotations_at_once_are_all_kept(url: str) -> None:
    """Each waits for its turn: eight at once are eight new secrets, in one order."""
    own_keys(url)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(rotate, [keys_of(url)] * 8))
    assert len(set(own_keys(url)["PROOFHOOK_SECRET"].split(","))) == 9


def test_a_rotation_that_cannot_be_written_changes_nothing(url: str, tmp_path: Path) -> None:
    """No file, no line for the secret: one sentence that names the setting."""
    with pytest.raises(Misconfigured, match="PROOFHOOK_SECRET"):
        rotate(tmp_path / "none.keys")
    own_keys(url)
    keys_of(url).write_text("ADMIN_TOKEN=x\n")
    with pytest.raises(Misconfigured, match="PROOFHOOK_SECRET is missing"):
        rotate(keys_of(url))
    assert keys_of(url).read_text() == "ADMIN_TOKEN=x\n"
