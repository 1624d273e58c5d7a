"""Work that blocks goes to a thread, and is waited for to its end even when nobody wants the answer any more.

A file must not be closed or removed under the thread that is writing to it.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

_THREADS = ThreadPoolExecutor(max_workers=8, thread_name_prefix="storage")
"""Our own: a name server that hangs fills the loop's default threads, and uploads must not wait for it."""


def begin(work: Callable[[], T]) -> asyncio.Future[T]:
    """Starts the work. A future, not a task: the end of the loop cancels tasks while their threads still run."""
    return asyncio.get_running_loop().run_in_executor(_THREADS, work)


async def whole(work: asyncio.Future[T]) -> T:
    """The work's result. When cancelled, comes back only once the work is over."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({work})
        raise


async def in_thread(work: Callable[[], T]) -> T:
    """`begin` and `whole` in one."""
    return await whole(begin(work))
