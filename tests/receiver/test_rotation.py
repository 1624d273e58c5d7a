"""A secret that is put into the key file while the receiver runs: its callbacks are let in, and nothing else is."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from receiver.keyfile import key_file, own_keys, rotate
from receiver.road import open_road
from receiver.rotation import Rotation
from receiver.wire import tokens
from tests.receiver.house import PUBLIC, House, Placed, configured, opened


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Its secrets are those of the key file."""
    async with opened(tmp_path, proofhook_secret="") as made:
        yield made


def file_of(house: House) -> Path:
    file = key_file(house.road.settings.database_url)
    assert file is not None
    return file


def elsewhere(house: House) -> tuple[bytes, ...]:
    """The secrets as another process reads them now."""
    return configured(house.folder, proofhook_secret="").secrets


async def knock(house: House, secrets: tuple[bytes, ...]) -> int:
    """The status of junk at the URL of a job that was submitted with these secrets: 404 is no such URL."""
    token = tokens.mint(secrets, "hook", "fal", (await house.place("fal")).id)
    return (await house.client.post(f"{PUBLIC}/hooks/fal/{token}", content=b"junk")).status_code


async def test_a_job_that_was_submitted_after_a_rotation_is_heard(house: House) -> None:
    """Without a restart, by each web process for itself; jobs of before are heard as well."""
    before = elsewhere(house)
    job = await house.place("fal")
    rotate(file_of(house))
    after = elsewhere(house)
    assert len(after) == len(before) + 1
    assert await knock(house, after) != 404
    assert await knock(house, before) != 404
    assert (await house.fal(job)).status_code == 200


async def test_its_own_secret_is_known_as_well(house: House) -> None:
    """What a provider signs with the secret that it was given with the job is believed."""
    held = await house.place("fireworks")
    rotate(file_of(house))
    secrets = elsewhere(house)
    hook = f"{PUBLIC}/hooks/fireworks/{tokens.mint(secrets, 'hook', 'fireworks', held.id)}"
    secret = tokens.secret(secrets, "fireworks", held.id)
    job = Placed(held.id, "fireworks", held.request_id, hook, (), secret)
    body = json.dumps({"id": job.request_id, "status": "Ready", "result": {"sample": "https://bfl.example/a"}}).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    assert (await house.post(job, body, {"X-BFL-Signature": f"sha256={signature}"})).status_code == 200


async def test_what_no_secret_of_the_file_made_stays_out(house: House) -> None:
    """Before and after a rotation."""
    for _ in range(2):
        assert await knock(house, (b"a secret of somebody else",)) == 404
        rotate(file_of(house))


async def test_a_file_is_read_once_for_each_change(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of junk does not become a flood of reads."""
    reads = []

    def reading(url: str) -> dict[str, str]:
        reads.append(url)
        return own_keys(url)

    monkeypatch.setattr("receiver.settings.own_keys", reading)
    for times in (1, 2):
        for _ in range(9):
            assert await knock(house, (b"a secret of somebody else",)) == 404
        assert len(reads) == times
        rotate(file_of(house))


@pytest.mark.parametrize(
    "text", ["", "PROOFHOOK_SECRET=short\n", f"PROOFHOOK_SECRET={'x' * 64}\nADMIN_TOKEN=y\n", None]
)
async def test_a_file_without_our_secrets_changes_nothing(house: House, text: str | None) -> None:
    """Emptied, spoilt, another's, gone: jobs under way are heard as before, others are not, and none is made up."""
    before = house.road.settings.secrets
    if text is None:
        file_of(house).unlink()
    else:
        file_of(house).write_text(text)
    assert await knock(house, (b"x" * 64,)) == 404
    assert await knock(house, before) != 404
    assert house.road.settings.secrets == before
    assert file_of(house).exists() == (text is not None)


async def test_a_file_that_is_whole_again_is_taken_up(house: House) -> None:
    """As after a slip of the pen."""
    file = file_of(house)
    kept = file.read_text()
    file.write_text("")
    assert await knock(house, (b"a secret of somebody else",)) == 404
    file.write_text(kept)
    rotate(file)
    assert await knock(house, elsewhere(house)) != 404


async def test_secrets_of_the_environment_need_a_restart(tmp_path: Path) -> None:
    """What was set by hand is not mixed with a file that happens to be there."""
    settings = configured(tmp_path)
    own_keys(settings.database_url)
    assert not Rotation(settings).taken_up()
    assert not Rotation(configured(tmp_path, database_url="postgresql://db.example/x")).taken_up()


async def test_the_receiver_that_is_served_has_it(tmp_path: Path) -> None:
    """And not only the one of these tests."""
    road = open_road(configured(tmp_path, proofhook_secret=""))
    assert not road.rotated()
    rotate(tmp_path / "ledger.db.keys")
    assert road.rotated()
    assert len(road.settings.secrets) == 2
    await road.aclose()
