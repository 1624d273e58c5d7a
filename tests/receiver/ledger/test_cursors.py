"""Cursors: what was put in comes out, and anything else is refused in one way."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.errors import Malformed
from receiver.ledger import cursors
from receiver.ledger.cursors import Position

TIMES = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001  the zone is beside it


@given(at=TIMES, name=st.uuids())
def test_a_cursor_gives_back_the_place(at: datetime, name: UUID) -> None:
    """To the microsecond, and as text that an address takes as it is."""
    for cursor, read, place in (
        (cursors.of_job(Position(at, str(name))), cursors.job, Position(at, str(name))),
        (cursors.of_delivery(str(name)), cursors.delivery, str(name)),
    ):
        assert read(cursor) == place
        assert cursor.replace("-", "").replace("_", "").isalnum()


@given(
    junk=st.text(min_size=1, max_size=200) | st.binary(min_size=1, max_size=90).map(urlsafe_b64encode).map(bytes.decode)
)
def test_junk_is_malformed(junk: str) -> None:
    """Whatever is not one of ours is refused with a sentence, and nothing else is raised."""
    for read in (cursors.job, cursors.delivery):
        with pytest.raises(Malformed, match="cursor"):
            read(junk)


@given(at=TIMES, name=st.uuids(), place=st.integers(0, 60), letter=st.sampled_from("AQgw-_=+/ \n\x00é"))
def test_a_bent_cursor_is_refused_or_is_another_cursor(at: datetime, name: UUID, place: int, letter: str) -> None:
    """There is one way to write a place: what is read is what would be written."""
    whole = cursors.of_job(Position(at, str(name)))
    bent = whole[:place] + letter + whole[place + 1 :]
    try:
        found = cursors.job(bent)
    except Malformed:
        return
    assert found is not None
    assert cursors.of_job(found) == bent


@pytest.mark.parametrize("read", [cursors.job, cursors.delivery])
def test_no_cursor_is_the_first_page(read: object) -> None:
    """Empty says nothing, and is no mistake."""
    assert callable(read)
    assert read("") is None
