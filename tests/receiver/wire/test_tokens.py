import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.errors import Misconfigured, UnknownEndpoint
from receiver.wire import tokens
from receiver.wire.tokens import Claim

OLD, KEY, NEW = b"o" * 32, b"k" * 32, b"n" * 32
JOB = "3f2b8c1e-6d4a-4e57-9b0f-2a1c5d7e9f10"
OTHER = "5057fca7-2eb3-468f-b95d-cefe92b0b9d4"
AT = datetime(2026, 9, 21, 12, tzinfo=UTC)


def test_form() -> None:
    """A token is the job id and 43 characters of base64url, the place between them; all of it fits in a path."""
    hook = tokens.mint([KEY], "hook", "fal", JOB)
    upload = tokens.mint([KEY], "upload", "runware", JOB, 12)

    assert hook == f"{JOB}.YfRMp6_RFGat8lSyIBuq-tajp7gXgHqU9RWCnb7kuYM"
    assert upload == f"{JOB}.12.7QPWFw3TcTEwF_92AC_wyDvrPaFMwlmnMLvC9yDQFJk"


@pytest.mark.parametrize("place", [None, 0, 1, 19, 9999])
def test_round_trip(place: int | None) -> None:
    """What was minted is believed, and says what it was minted for."""
    token = tokens.mint([KEY], "upload", "runware", JOB, place)

    assert tokens.check([KEY], "upload", "runware", token) == Claim(JOB, place)


def test_rotation() -> None:
    """The newest key mints, every key is believed, a key that is gone is not."""
    before = tokens.mint([OLD, KEY], "hook", "fal", JOB)
    assert before == tokens.mint([KEY], "hook", "fal", JOB)

    assert tokens.check([KEY, NEW], "hook", "fal", before) == Claim(JOB)
    with pytest.raises(UnknownEndpoint):
        tokens.check([NEW], "hook", "fal", before)


@pytest.mark.parametrize(
    ("purpose", "provider"),
    [("upload", "fal"), ("hook", "runware"), ("hookf", "al"), ("", "hookfal"), ("hook", "fal\udcff"), ("hook", "")],
)
def test_no_other_door(purpose: str, provider: str) -> None:
    """A token opens no door of another purpose or provider, nor one whose words only run together alike."""
    token = tokens.mint([KEY], "hook", "fal", JOB)

    with pytest.raises(UnknownEndpoint):
        tokens.check([KEY], purpose, provider, token)


def test_job_and_place_are_covered() -> None:
    """Neither the job nor the place can be put in another's stead."""
    token = tokens.mint([KEY], "upload", "runware", JOB, 1)
    mac = token.rpartition(".")[2]

    for forged in (f"{OTHER}.1.{mac}", f"{JOB}.2.{mac}", f"{JOB}.{mac}", f"{JOB}.11.{mac}"):
        with pytest.raises(UnknownEndpoint):
            tokens.check([KEY], "upload", "runware", forged)


def junk_tokens() -> list[str]:
    good = tokens.mint([KEY], "hook", "fal", JOB)
    job, mac = good.split(".")
    upload = tokens.mint([KEY], "hook", "fal", JOB, 1).split(".")
    return [
        "",
        ".",
        job,
        f"{job}.",
        f".{mac}",
        f"{good}\n",
        f" {good}",
        f"{good}=",
        f"{good}A",
        good[:-1],
        f"{job.upper()}.{mac}",
        f"{job.replace('-', '')}.{mac}",
        f"{{{job}}}.{mac}",
        f"{upload[0]}.01.{upload[2]}",
        f"{upload[0]}.-1.{upload[2]}",
        f"{upload[0]}.\u0661.{upload[2]}",
        f"{upload[0]}.{'9' * 5000}.{upload[2]}",
        f"{good}.1",
        f"{job}.{'é' * 43}",
        f"{job}." + "\ud800" * 43,
        tokens.mint([KEY], "hook", "fal", "3f2b8c1e-6d4a-1e57-9b0f-2a1c5d7e9f10"),
        tokens.mint([KEY], "hook", "fal", JOB.upper()),
        tokens.mint([KEY], "hook", "fal", JOB, -1),
    ]


@pytest.mark.parametrize("token", junk_tokens())
def test_one_refusal_for_all(token: str) -> None:
    """Everything wrong, even what we ourselves would have minted wrongly, is the same UnknownEndpoint."""
    with pytest.raises(UnknownEndpoint, match=r"^no such endpoint$"):
        tokens.check([KEY], "hook", "fal", token)


@given(st.text())
def test_any_text_is_refused(text: str) -> None:
    """No text at all escapes as another exception."""
    with pytest.raises(UnknownEndpoint):
        tokens.check([KEY], "hook", "fal", text)
    with pytest.raises(UnknownEndpoint):
        tokens.check_ticket([KEY], "session", text, AT)


@given(st.integers(0, 42), st.integers(0, 63))
def test_every_character_counts(index: int, other: int) -> None:
    """One changed character of the MAC is refused, the last one's spare bits included."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    job, mac = tokens.mint([KEY], "hook", "fal", JOB).split(".")
    changed = mac[:index] + alphabet[other] + mac[index + 1 :]

    if changed != mac:
        with pytest.raises(UnknownEndpoint):
            tokens.check([KEY], "hook", "fal", f"{job}.{changed}")


@pytest.mark.parametrize("keys", [[], [b""]])
def test_no_key_closes_the_door(keys: list[bytes]) -> None:
    """Without a key nothing is minted, and nothing believed that an empty key would have signed."""
    with pytest.raises(Misconfigured, match="PROOFHOOK_SECRET"):
        tokens.mint(keys, "hook", "fal", JOB)
    with pytest.raises(Misconfigured, match="PROOFHOOK_SECRET"):
        tokens.secret(keys, "fal", JOB)
    with pytest.raises(Misconfigured, match="PROOFHOOK_SECRET"):
        tokens.ticket(keys, "session", "admin", AT)
    with pytest.raises(UnknownEndpoint):
        tokens.check(keys, "hook", "fal", tokens.mint([KEY], "hook", "fal", JOB))
    assert tokens.secrets(keys, "fal", JOB) == ()


def test_secrets() -> None:
    """A job's secret is 64 hex digits of the newest key; against rotation all of them are tried."""
    newest = tokens.secret([OLD, KEY], "fireworks", JOB)

    assert newest == "697ea19f0b6290f99901d24e9381fdd2c5cf8ca1f1725426b03e0d4f838c60b4"
    assert tokens.secrets([OLD, KEY], "fireworks", JOB) == (tokens.secret([OLD], "fireworks", JOB), newest)
    assert len({tokens.secret([KEY], p, j) for p in ("fireworks", "bfl") for j in (JOB, OTHER)}) == 4


def test_family() -> None:
    """Runware's first task is the job itself, the others follow from it and are UUIDs of version 4."""
    family = [tokens.family(JOB, place) for place in range(20)]

    assert family[:2] == [JOB, "3d9f361e-604b-41f3-abc6-a88abcb3ea2b"]
    assert len(set(family)) == 20
    assert {uuid.UUID(each).version for each in family} == {4}
    assert {uuid.UUID(each).variant for each in family} == {uuid.RFC_4122}


@pytest.mark.parametrize("subject", ["admin", "", "a.b", "ünï", "\udcff"])
def test_ticket(subject: str) -> None:
    """A ticket gives its subject back until the second it is over, and fits in a cookie and a URL."""
    ticket = tokens.ticket([OLD, KEY], "session", subject, AT)

    assert tokens.check_ticket([KEY, NEW], "session", ticket, AT - timedelta(seconds=1)) == subject
    assert all(char.isalnum() or char in "-_." for char in ticket)
    assert ticket.isascii()
    with pytest.raises(UnknownEndpoint):
        tokens.check_ticket([KEY], "session", ticket, AT)


def test_ticket_forged() -> None:
    """Neither subject, expiry nor purpose can be put in another's stead; a token is no ticket."""
    ticket = tokens.ticket([KEY], "link", "admin", AT)
    body, expiry, mac = ticket.split(".")
    before = AT - timedelta(hours=1)

    for purpose, forged in (
        ("session", ticket),
        ("link", f"{body}.{int(expiry) + 1}.{mac}"),
        ("link", f"{body}.0{expiry}.{mac}"),
        ("link", f"cm9vdA.{expiry}.{mac}"),
        ("link", tokens.mint([KEY], "link", "admin", JOB)),
    ):
        with pytest.raises(UnknownEndpoint):
            tokens.check_ticket([KEY], purpose, forged, before)
