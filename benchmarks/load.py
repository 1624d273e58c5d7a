"""A closed-loop load generator on raw sockets: every connection sends its next request when it has its answer.

    python benchmarks/load.py --ports 8001,8002 --connections 64 --seconds 2 --first 0 [--cycle] REQUESTS_FILE

The file holds whole HTTP/1.1 requests, each behind its length (8 bytes, big-endian); the run ends after so many
seconds, or with the last request, and answers that are under way then are waited for. One thread and epoll. Prints
JSON: when it began, seconds, requests, statuses, latencies in milliseconds, and how busy the generator itself was.
"""

import argparse
import itertools
import json
import mmap
import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SILENCE = 60.0
"""Seconds without any answer after which the run is given up: nothing here may wait for ever."""
WHOLE = b"\r\n\r\n"


def pack(requests: Iterable[bytes]) -> Iterator[bytes]:
    for one in requests:
        yield len(one).to_bytes(8, "big")
        yield one


def unpack(path: Path, first: int, limit: int) -> list[bytes]:
    """Requests from the `first` on; the file is mapped, so that what is left out costs a look at its length only."""
    found: list[bytes] = []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at, end, number = 0, len(data), 0
        while at < end and len(found) < limit:
            size = int.from_bytes(data[at : at + 8], "big")
            if number >= first:
                found.append(data[at + 8 : at + 8 + size])
            at, number = at + 8 + size, number + 1
    return found


@dataclass(slots=True)
class Run:
    """What came of it."""

    began_at: float = 0.0
    sent: int = 0
    statuses: Counter[bytes] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    busy: float = 0.0


def connect(ports: list[int], connections: int) -> dict[int, socket.socket]:
    """Sockets by file number, shared evenly among the ports. They block: a closed loop never fills a buffer."""
    found = {}
    for _, port in zip(range(connections), itertools.cycle(ports), strict=False):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        found[sock.fileno()] = sock
    return found


def fire(socks: dict[int, socket.socket], requests: Iterator[bytes], seconds: float) -> Run:
    """The loop, written out in one piece: a call more for each answer would make the generator the limit."""
    run, began_at, partial = Run(began_at=time.time()), dict.fromkeys(socks, 0.0), dict.fromkeys(socks, b"")
    poll = select.epoll()
    began, cpu, clock = time.perf_counter(), time.process_time(), time.perf_counter
    deadline, waiting, statuses, note = began + seconds, 0, run.statuses, run.latencies.append
    for number, sock in socks.items():
        poll.register(number, select.EPOLLIN)
        if (request := next(requests, None)) is not None:
            began_at[number] = clock()
            sock.sendall(request)
            waiting += 1
    run.sent = waiting
    while waiting:
        ready = poll.poll(SILENCE)
        if not ready:
            raise SystemExit("the server fell silent")
        for number, _ in ready:
            sock = socks[number]
            answer = partial[number] + sock.recv(65536)
            if not _whole(answer, before=len(partial[number])):
                partial[number] = answer
                continue
            now = clock()
            note(now - began_at[number])
            statuses[answer[9:12]] += 1
            partial[number] = b""
            request = next(requests, None) if now < deadline else None
            if request is None:
                waiting -= 1
                continue
            began_at[number] = now
            sock.sendall(request)
            run.sent += 1
    run.seconds, run.busy = clock() - began, (time.process_time() - cpu) / (clock() - began)
    return run


def _whole(answer: bytes, before: int) -> bool:
    if len(answer) == before:
        raise SystemExit("the server closed a connection in the middle of an answer")
    at = answer.find(WHOLE)
    if at < 0:
        return False
    length = answer.find(b"ontent-", 0, at)
    while length >= 0 and answer[length + 7 : length + 14].lower() != b"length:":
        length = answer.find(b"ontent-", length + 1, at)
    return length >= 0 and len(answer) >= at + 4 + int(answer[length + 14 : answer.find(b"\r", length)])


def summary(run: Run) -> dict[str, object]:
    ordered = sorted(run.latencies)
    parts = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
    at = {name: ordered[min(len(ordered) - 1, int(len(ordered) * part))] for name, part in parts.items()}
    return {
        "began_at": run.began_at,
        "seconds": run.seconds,
        "requests": len(ordered),
        "sent": run.sent,
        "statuses": {status.decode(): count for status, count in run.statuses.items()},
        **{name: round(value * 1000, 3) for name, value in at.items()},
        "most": round(ordered[-1] * 1000, 3),
        "busy": round(run.busy, 3),
    }


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--ports", required=True)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--limit", type=int, default=10**6)
    parser.add_argument("--cycle", action="store_true")
    parser.add_argument("file", type=Path)
    given = parser.parse_args(words)
    found = unpack(given.file, given.first, given.limit)
    if not found:
        raise SystemExit("no requests are left in the file")
    requests = itertools.cycle(found) if given.cycle else iter(found)
    socks = connect([int(port) for port in given.ports.split(",")], given.connections)
    print(json.dumps(summary(fire(socks, requests, given.seconds))))


if __name__ == "__main__":
    main(sys.argv[1:])
