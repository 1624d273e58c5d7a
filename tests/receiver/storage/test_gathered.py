"""Chunks that are gathered: all of them, in order, and never more objects than their bytes are worth."""

from hypothesis import given
from hypothesis import strategies as st

from receiver.storage.gathered import LARGE, Gathered


@given(st.lists(st.tuples(st.integers(0, 255), st.sampled_from((0, 1, 7, LARGE - 1, LARGE, 3 * LARGE))), max_size=12))
def test_pieces_are_the_chunks_in_their_order(given: list[tuple[int, int]]) -> None:
    """Whatever sizes come in which order, the bytes come out as they went in."""
    chunks, gathered = [bytes([value]) * size for value, size in given], Gathered()
    for chunk in chunks:
        gathered.add(memoryview(chunk))
    assert b"".join(gathered.pieces) == b"".join(chunks)
    assert gathered.size == sum(map(len, chunks))


def test_a_sender_of_single_bytes_makes_few_objects() -> None:
    """A megabyte that comes byte by byte would weigh a hundred as a list of its bytes."""
    gathered = Gathered()
    for _ in range(2**20):
        gathered.add(memoryview(b"x"))
    assert len(gathered.pieces) <= 2**20 // LARGE


def test_a_large_chunk_is_not_copied() -> None:
    """It is the very buffer that came."""
    chunk, gathered = bytes(LARGE), Gathered()
    gathered.add(memoryview(chunk))
    piece = gathered.pieces[0]
    assert isinstance(piece, memoryview)
    assert piece.obj is chunk
