"""The three parts of `serve`, each as one call that ends in good order when the word comes."""

import asyncio
import gc
import os
import socket
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from receiver.app import App, create_app
from receiver.errors import Misconfigured
from receiver.log import get_logger
from receiver.road import open_road
from receiver.settings import Settings
from submitter.cli.ending import Ending

log = get_logger("serve")
NICE = 19
"""Downloads and decoding step back behind callbacks. Not SCHED_IDLE: a busy host could let pictures expire."""
BACKLOG = 2048
LAST_REQUESTS = 5
"""Seconds that requests which were accepted have to come to their end."""
HANG_UP = 4.5
"""Seconds until connections are closed: those whom uvicorn cuts off are told 500, and nobody is to read that of us."""
LAST_QUESTION = 3.0
"""Seconds that a call to a provider has to come to its end."""
INHERITED = "PROOFHOOK_SOCKET"
"""Number of the listening socket that the supervisor handed down."""


def listen(settings: Settings) -> socket.socket:
    """The socket of HOST and PORT. Raises Misconfigured."""
    host, port = settings.listen
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), backlog=BACKLOG, family=family)
    except OSError as error:
        raise Misconfigured(f"PORT: cannot listen on {host}:{port} ({error.strerror}); choose another") from None


def web(settings: Settings, ending: Ending) -> None:
    """Serve the doors and the pages until the word comes; what was accepted is finished first. Raises Misconfigured."""
    given = os.environ.get(INHERITED)
    listening = socket.socket(fileno=int(given)) if given else listen(settings)
    app = create_app(settings)
    host, port = settings.listen
    log.info("listening", url=settings.public, host=host, port=port)
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.forwarded_allow_ips,
        timeout_graceful_shutdown=LAST_REQUESTS,
        backlog=BACKLOG,
        log_config=None,
        ws="none",
    )
    started()
    server = _Server(config, app)
    ending.then(server.stop)
    server.run(sockets=[listening])


def started() -> None:
    """What the start has made lives as long as the process: no collection need look at it again."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


class _Server(uvicorn.Server):
    """Hears of its end from us: uvicorn's own handlers would raise the signal again, and end with its number."""

    def __init__(self, config: uvicorn.Config, app: App) -> None:
        super().__init__(config)
        self._app = app

    def stop(self) -> None:
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.ending()
        asyncio.get_running_loop().call_later(HANG_UP, self._hang_up)
        await super().shutdown(sockets)

    def _hang_up(self) -> None:
        for connection in tuple(self.server_state.connections):
            connection.transport.close()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def worker(settings: Settings, ending: Ending) -> None:
    """Collect images until the word comes; leases are given back."""
    from receiver.fetch import Fetcher
    from receiver.worker import Worker

    stop = _stop(ending)
    road = open_road(settings)
    os.nice(NICE)  # of this thread and those to come; the ledger's writer runs already: callbacks wait for its lock
    fetcher = Fetcher(allowed=settings.image_hosts, max_bytes=int(settings.max_image_bytes))
    started()
    try:
        await Worker(road, fetcher).run(stop)
    finally:
        await fetcher.aclose()
        await road.aclose()


async def reconciler(settings: Settings, ending: Ending) -> None:
    """Ask about jobs, seal what is evidence, have it stamped and purge what is old, until the word comes.

    Calls have a moment left then.
    """
    from receiver.audit.purge import Purger
    from receiver.audit.seal import open_sealer
    from receiver.audit.stamping import open_stamper
    from submitter.client import open_desk
    from submitter.reconcile import Reconciler

    stop = _stop(ending)
    desk = open_desk(settings)
    started()
    try:
        stamper = open_stamper(desk.road.ledger, settings, desk.road.clock)
        sealer = open_sealer(desk.road.ledger, settings, desk.road.clock, desk.road.rotated)
        purger = Purger(desk.road.ledger, desk.road.storage, desk.road.clock)
        async with asyncio.TaskGroup() as group:
            group.create_task(_for_a_moment(sealer.run(stop), stop, LAST_QUESTION))
            if stamper is not None:
                group.create_task(_for_a_moment(stamper.run(stop), stop, LAST_QUESTION))
            group.create_task(_for_a_moment(Reconciler(desk).run(stop), stop, LAST_QUESTION))
            group.create_task(_for_a_moment(purger.run(stop, settings.retention_days), stop, LAST_QUESTION))
    finally:
        await desk.aclose()


async def _for_a_moment(work: Coroutine[Any, Any, None], stop: asyncio.Event, seconds: float) -> None:
    """Do the work, which ends by itself after `stop`; when it does not so in time, cancel it."""
    working, told = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, told}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({working}, timeout=seconds)
    finally:
        told.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait({working})
    if not working.cancelled():
        working.result()


def _stop(ending: Ending) -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    ending.then(lambda: loop.call_soon_threadsafe(stop.set))
    return stop
