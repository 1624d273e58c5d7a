"""`GET /metrics` for Prometheus: what this process counted, and what the ledger says of now.

Counters and histograms are of this one process and begin at 0 with it; gauges of the ledger are the same whichever
process is asked. With a token, or from this machine itself.
"""

import ipaddress
from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from receiver.api import problem
from receiver.api.admission import Admission
from receiver.api.stream import Stream
from receiver.errors import TryLater, UnknownEndpoint
from receiver.ledger.now_reading import NowView
from receiver.road import Road
from receiver.tally import BOUNDS, Tally

HERE = frozenset({"localhost", "127.0.0.1", "[::1]"})
FORWARDED = ("x-forwarded-", "x-real-ip", "x-client-ip", "forwarded", "via", "true-client-ip", "cf-", "fly-", "fastly-")
"""How headers begin that only a proxy sets."""
NAMED = {
    "collecting": "jobs whose images are on their way",
    "waiting": "jobs of which the end is not known",
    "dead": "images that were given up until `retry`",
    "queue": "images to collect",
    "unsealed": "lines of the sealer's queue",
}


def metrics_app(road: Road, stream: Stream) -> ASGIApp:
    """The one address /metrics."""
    admission = Admission(road)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        found = _refusal(request, admission) or await _scraped(road, stream, request.headers.get("accept", ""))
        if request.method == "HEAD":
            found.body = b""
        await found(scope, receive, send)

    return answer


def _refusal(request: Request, admission: Admission) -> Response | None:
    root = request.scope.get("root_path", "")
    if request.scope["path"] != f"{root}/metrics":
        return problem.of(UnknownEndpoint("there is nothing at this address; the metrics are at /metrics"))
    if request.method not in {"GET", "HEAD"}:
        allow = {"Allow": "GET, HEAD"}
        return problem.problem(
            HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "this address takes GET, HEAD", allow
        )
    return None if is_here(request) else admission.refusal(request, acting=False)


def is_here(request: Request) -> bool:
    """Whether somebody on this very machine asks. Behind a proxy every request comes from here: its headers tell."""
    try:
        near = request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        near = False
    headers: Headers = request.headers
    name = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
    return near and name in HERE and not any(each.startswith(FORWARDED) for each in headers)


async def _scraped(road: Road, stream: Stream, accept: str) -> Response:
    now = road.clock()
    try:
        view = await road.ledger.now_view(now)
    except TryLater:
        view = None  # what this process counted is worth knowing all the more
    registry = CollectorRegistry()
    registry.register(Scrape(road.tally, stream.listeners, view, now))
    ProcessCollector(registry=registry)
    encode, media_type = choose_encoder(accept)
    return Response(encode(registry), headers=problem.HEADERS | {"Content-Type": media_type})


class Scrape:
    """What is told at one moment, as Prometheus' own client takes it."""

    def __init__(self, tally: Tally, listeners: int, view: NowView | None, now: datetime) -> None:
        self._tally, self._listeners, self._view, self._now = tally, listeners, view, now

    def collect(self) -> Iterator[Any]:
        yield from self._counted()
        yield _gauge("proofhook_listeners", "who listens to events of this process", self._listeners)
        yield _gauge("proofhook_ledger_up", "1 where the ledger answers", int(self._view is not None))
        if self._view is not None:
            yield from _told(self._view, self._now)

    def _counted(self) -> Iterator[Any]:
        labels = ("door", "provider", "reason")
        answers = CounterMetricFamily(
            "proofhook_deliveries", "deliveries answered, by door, provider and what became of them", labels=labels
        )
        for each, count in self._tally.answers.items():
            answers.add_metric(each, count)
        yield answers
        steps = HistogramMetricFamily(
            "proofhook_road_step_seconds", "how long a step of the road took", labels=("step",)
        )
        for step, histogram in self._tally.fold().items():
            bounds = (*(repr(bound) for bound in BOUNDS), "+Inf")
            buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
            steps.add_metric((step,), buckets, histogram.sum)
        yield steps


def _told(view: NowView, now: datetime) -> Iterator[Any]:
    """The ledger's word of now."""
    for name, says in NAMED.items():
        yield _gauge(f"proofhook_{name}", says, getattr(view, name))
    day = GaugeMetricFamily(
        "proofhook_day", "of the last 24 hours: jobs by end, deliveries refused; up to 50000", labels=("what",)
    )
    for what in ("delivered", "failed", "refused"):
        day.add_metric((what,), getattr(view, what))
    yield day
    speeds = GaugeMetricFamily(
        "proofhook_delivered_median_seconds", "submit to delivered, median of the last 24 hours", labels=("provider",)
    )
    for each in view.seconds:
        speeds.add_metric((each.provider,), each.median_seconds)
    yield speeds
    ages = {"oldest_out": view.oldest_out, "checkpoint": view.checkpoint and view.checkpoint[0]}
    for name, at in ages.items():
        if at is not None:
            yield _gauge(f"proofhook_{name}_age_seconds", "how old it is", max((now - at).total_seconds(), 0))
    if view.soonest is not None:
        left = (view.soonest.expires_at - now).total_seconds()
        yield _gauge("proofhook_soonest_expiry_seconds", "until the next image's URL is gone", left)


def _gauge(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, says, value)
