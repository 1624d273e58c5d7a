"""Chunks on their way to a batch, without a copy: copying them together cost half of an upload."""

LARGE = 2**14
"""Bytes from which on a chunk is kept as it came. Smaller ones are put together: each object weighs as much again."""


class Gathered:
    """`pieces` in their order, `size` bytes in all. The chunks must not change afterwards."""

    def __init__(self) -> None:
        self.pieces: list[bytearray | memoryview] = []
        self.size = 0

    def add(self, chunk: memoryview) -> None:
        self.size += len(chunk)
        last = self.pieces[-1] if self.pieces else None
        if len(chunk) >= LARGE:
            self.pieces.append(chunk)
        elif isinstance(last, bytearray) and len(last) < LARGE:
            last += chunk
        else:
            self.pieces.append(bytearray(chunk))
