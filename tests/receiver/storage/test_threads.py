import asyncio
import threading

import pytest

from receiver.storage.threads import begin, in_thread, whole


async def test_the_result_comes_back() -> None:
    """Work runs off the loop's thread, and its value or error is the caller's."""
    assert await in_thread(lambda: threading.current_thread().name) != threading.current_thread().name
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)


async def test_cancelled_but_not_before_the_work_is_over() -> None:
    """However often the waiter is cancelled, it leaves only when no thread touches the file any more."""
    gate = threading.Event()
    work = begin(gate.wait)
    waiter = asyncio.create_task(whole(work))
    try:
        for _ in range(3):
            await asyncio.sleep(0)  # one turn of the loop, so that the cancellation arrives
            waiter.cancel()
            await asyncio.wait({waiter}, timeout=0)
            assert not waiter.done()
    finally:
        gate.set()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert work.done()


async def test_an_error_nobody_waits_for_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Work that fails after its waiter was cancelled leaves no complaint behind."""
    gate = threading.Event()

    def fail() -> None:
        gate.wait()
        raise ZeroDivisionError

    waiter = asyncio.create_task(in_thread(fail))
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.wait({waiter}, timeout=0)
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert not caplog.records
