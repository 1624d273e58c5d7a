"""index.html of a bundle: what the entries say, for people. No script, nothing from elsewhere, every text escaped."""

from collections.abc import Iterator, Mapping

from receiver.audit.bundle_facts import Facts, Item
from receiver.audit.bundle_job import job
from receiver.audit.bundle_markup import link, table, text
from receiver.audit.bundle_names import place
from receiver.audit.bundle_style import STYLE
from receiver.audit.merkle import leaf_hash
from receiver.audit.stranger.stamps import BY_HAND, STAMP

_POLICY = "default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'"


def page(facts: Facts, named: Mapping[str, str], key: str) -> bytes:
    """`named` maps the SHA-256 of raw bytes to their file, `key` is the one that all trust begins with."""
    title = f"Evidence of {len(facts.jobs)} job{'s' * (len(facts.jobs) > 1)}"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{title}</title><style>\n{STYLE}</style></head><body><main>",
        f"<h1>{title}</h1>",
        *_head(facts),
        *(line for job_id in facts.jobs for line in job(facts, job_id, named)),
        *_keys(facts.of("key")),
        *_entries(facts),
        *_checking(key, stamped=facts.stamp is not None),
        "</main></body></html>\n",
    ]
    return "\n".join(parts).encode()


def _head(facts: Facts) -> Iterator[str]:
    origin, size, _, *more = facts.note.decode("utf-8", "replace").split("\n")
    at = next((line.removeprefix("time ") for line in more if line.startswith("time ")), "a time that it does not say")
    yield (
        f"<p>{len(facts.items):,} sealed entries of the trail {text(origin)}, each with the proof that it stands in "
        f"the tree of {text(size)} entries that was {link('checkpoint.note', 'signed')} at <b>{text(at)}</b>.</p>"
    )
    if facts.stamp:
        yield f"<p>A timestamp authority has stamped this checkpoint: {link(STAMP, STAMP)}, see below.</p>"
    if facts.gone:
        names = ", ".join(sorted(facts.gone))
        yield f"<p>Left out on purpose: {text(names)}. Of these the sealed hashes remain, and the proofs hold.</p>"


def _keys(keys: list[Item]) -> Iterator[str]:
    if keys:
        yield "<h2>Keys that verified callbacks</h2>"
        rows = (
            (
                text(each.plain.get("key_id")),
                text(f"{each.plain.get('kind')} {each.plain.get('public')}"),
                text(f"{each.plain.get('source')}, seen at {each.plain.get('seen_at')}"),
                link(f"{place(each)}/entry.json", f"entry {each.n:,}"),
            )
            for each in keys
        )
        yield from table(("key", "public key", "from where, and when", "files"), rows)


def _entries(facts: Facts) -> Iterator[str]:
    yield "<h2>The entries</h2>"
    yield from table(("place", "of", "hash of the leaf", "files"), map(_entry, facts.items))


def _entry(item: Item) -> tuple[str, str, str, str]:
    old = "" if item.latest else " (a later entry stands in its place)"
    files = " ".join(link(f"{place(item)}/{name}.json", name) for name in ("entry", "proof"))
    return f"{item.n:,}", text(f"{item.kind} {item.ref}{old}"), leaf_hash(item.entry).hex(), files


def _checking(key: str, *, stamped: bool) -> Iterator[str]:
    yield "<h2>How to check it</h2>"
    yield "<p>With Python 3.11 or later and the package <code>cryptography</code>; no network, and nothing of ours:</p>"
    yield "<pre>python -m venv check\ncheck/bin/pip install cryptography\nunzip -d bundle BUNDLE.zip"
    yield "check/bin/python -I bundle/verify.py BUNDLE.zip --key KEY</pre>"
    yield "<p>KEY is the trail's signing key, as its owner gave it to you by another way than this bundle. It says:</p>"
    yield f"<pre>{text(key)}</pre>"
    if stamped:
        yield "<p>With OpenSSL, and the authority's root certificate from the authority itself as ROOTS.pem:</p>"
        yield f"<pre>cd bundle\n{text(BY_HAND)}\nopenssl ts -reply -in {STAMP} -text</pre>"
    yield (
        "<p>This page is for reading; what is proved are the files under <code>trail/</code>, and what they name by "
        "its hash. The proof says that each entry was sealed as it is before the time of the checkpoint. It does not "
        "say that no entry was left out.</p>"
    )
