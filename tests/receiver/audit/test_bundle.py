import hashlib
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest

from receiver.audit.redaction import FIELDS, GROUPS, left_out
from receiver.errors import BadOrder, Misconfigured, TryLater
from tests import postgres
from tests.receiver.audit import bundles
from tests.receiver.audit.bundles import HOSTILE, INPUT, Scene, checked, files, scene

__all__ = ["scene"]

SECRET_TEXT = {
    "order_json": INPUT,
    "params": "params.json",
    "tags": '"for": "tests"',
    "idempotency_key": "once-fal",
    "headers": "x-fal-webhook-signature:",
    "body": '"status": "OK"',
    "url": "v3.fal.media",
    "links": "queue.fal.run",
    "seed": str(2**64 - 1),
    "order_digest": "d" * 64,
    "error_message": "the provider gave no reason",
}
"""Field → words that stand in a whole bundle and in none without it; of what stands in other fields, too, its file."""


class Page(HTMLParser):
    """The tags and targets of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.targets: set[str] = set()
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not {name for name, _ in attrs if name.startswith("on")}
        self.targets |= {value or "" for name, value in attrs if name in {"href", "src"}}

    def handle_data(self, data: str) -> None:
        self.said += data


def test_a_bundle_holds_everything_about_its_jobs_and_verifies(scene: Scene) -> None:
    """Orders, deliveries believed and refused, events, keys, pictures and ends, superseded ones, too, each proved."""
    made = scene.export()
    report = checked(made.data)
    assert (report.findings, made.lost, made.left_out) == ([], [], [])
    held = files(made.data)
    kinds = [name.split("-", 1)[1].split("/")[0] for name in held if name.endswith("/entry.json")]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "key": 1, "order": 3, "delivery": 4, "event": 3, "image": 2, "end": 5,
    }  # fmt: skip
    assert report.checked["bodies"] == 4
    assert report.checked["pictures"] == 2
    assert report.checked["provider signatures"] == 1
    assert len(report.noted) == 3


def test_the_archive_is_a_plain_zip_of_a_fixed_day(scene: Scene) -> None:
    """Others read it: sorted, stored, of 1980-01-01."""
    with zipfile.ZipFile(BytesIO(scene.export().data)) as archive:
        assert archive.testzip() is None
        facts = archive.infolist()
    assert [each.filename for each in facts] == sorted(each.filename for each in facts)
    assert {(each.date_time, each.compress_type) for each in facts} == {((1980, 1, 1, 0, 0, 0), zipfile.ZIP_STORED)}


def test_a_bundle_of_one_job_tells_nothing_of_another(scene: Scene) -> None:
    """Neither its id nor anything of it is in the files."""
    data = scene.export(scene.jobs[0]).data
    assert checked(data).findings == []
    for other in scene.jobs[1:]:
        assert other.encode() not in data


def test_the_salt_that_salts_are_made_of_stays_here(scene: Scene) -> None:
    """With it every field that is left out could be guessed."""
    data = scene.export(redact=["prompt"]).data
    with closing(sqlite3.connect(scene.folder / "ledger.db")) as ledger:
        salts = [row[0] for row in ledger.execute("SELECT salt FROM trail")]
    assert len(salts) > 10
    assert not any(salt in data or salt.hex().encode() in data for salt in salts)


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_that_is_left_out_is_nowhere_and_the_proof_holds(scene: Scene, name: str) -> None:
    """Neither the value nor its salt; the check says what is missing."""
    beside = {"url": ["body"], "seed": ["body"]}.get(name, [])
    whole, made = scene.export(), scene.export(redact=[name, *beside])
    report = checked(made.data)
    assert report.findings == []
    assert name in made.left_out
    assert any("left out" in sentence for sentence in report.noted)
    if name == "pictures":
        assert not any(each.startswith("pictures/") for each in files(made.data))
        assert b"\x89PNG" in whole.data
        assert b"\x89PNG" not in made.data
    else:
        words = SECRET_TEXT[name].encode()
        assert words in whole.data
        assert words not in made.data
    for each in (json.loads(data) for file, data in files(made.data).items() if file.endswith("proof.json")):
        assert not {name, *left_out([name])} & each["opened"].keys()


def test_without_the_prompt_no_word_of_it_is_left(scene: Scene) -> None:
    """`prompt` takes all that may repeat it along, and the digest that would let it be guessed."""
    made = scene.export(redact=["prompt"])
    assert made.left_out == ["body", "body_sha256", "error_message", "order_digest", "order_json", "params"]
    for words in ("script>alert", "owned", "d" * 64, INPUT):
        assert words.encode() not in made.data
    assert not any("owned" in detail for _, detail in made.reveals)
    assert checked(made.data).findings == []


def test_what_stands_elsewhere_is_said(scene: Scene) -> None:
    """A provider's answer repeats the address that `url` leaves out; nothing is said where nothing is left."""
    (sentence,) = scene.export(scene.jobs[0], redact=["url"]).echoes
    assert sentence.startswith("url is left out, yet something of it stands in trail/")
    assert sentence.endswith("/body.json")
    assert any("params.json" in each for each in scene.export(redact=["order_json"]).echoes)
    assert scene.export(redact=["prompt", "headers"]).echoes == []


def test_every_group_is_of_fields_that_there_are() -> None:
    """And a name that is none is refused, with those there are."""
    assert all(set(each) <= set(FIELDS) for each in GROUPS.values())
    with pytest.raises(BadOrder, match="no 'promt'; write one of prompt"):
        left_out(["promt"])


def test_what_a_bundle_reveals_is_listed(scene: Scene) -> None:
    """Jobs, prompts, headers, addresses, input pictures and pictures, before anything is written."""
    told = dict(scene.export(scene.jobs[0]).reveals)
    assert told["job"] == scene.jobs[0]
    assert told["prompt"] == HOSTILE
    assert "x-fal-webhook-signature" in told["headers"]
    assert told["url"].startswith("https://v3.fal.media/")
    assert told["input picture"] == f"SHA-256 {INPUT}"
    assert told["pictures"].startswith("1 ")
    assert {"params", "tags", "idempotency_key", "links", "seed", "key", "bodies"} <= told.keys()


def test_a_hostile_prompt_is_text_on_the_page(scene: Scene) -> None:
    """No script, no handler, nothing from elsewhere, nothing that reorders; every link leads into the bundle."""
    held = files(scene.export().data)
    page = Page(held["index.html"].decode())
    assert "script" not in page.tags
    assert "</blockquote><script>alert('owned')</script>" in page.said
    assert not {"\u202e", "\x1b"} & {*held["index.html"].decode()}
    assert page.targets
    assert page.targets <= set(held)
    assert all(job in page.said for job in scene.jobs[:3])


def test_the_page_tells_verdict_and_reason(scene: Scene) -> None:
    """Who reads it sees why each request was believed, or not."""
    said = Page(files(scene.export().data)["index.html"].decode()).said
    for words in ("verified: signed by fal with Ed25519", "unknown_key", "unsigned: nothing is signed", "failed"):
        assert words in said
    assert "verify.py verifies it again" in said
    bare = Page(files(scene.export(redact=["headers"]).data)["index.html"].decode()).said
    assert "verify.py verifies it again" not in bare


def test_a_job_that_is_not_sealed_yet_is_refused(scene: Scene) -> None:
    """With what to do about it."""
    with pytest.raises(TryLater, match=f"{scene.jobs[3]} is not sealed yet: `proofhook serve` does so"):
        scene.export(scene.jobs[3])
    with pytest.raises(TryLater, match="not sealed yet"):
        scene.export(*scene.jobs)


def test_export_needs_a_key_of_the_trail(scene: Scene) -> None:
    """The manifest is signed with the trail's own key; another secret is not one."""
    with pytest.raises(Misconfigured, match="PROOFHOOK_SECRET"):
        scene.export(proofhook_secret="some other key of some other house")


def test_the_manifest_names_every_file(scene: Scene) -> None:
    """With length and hash, but for itself and its signature."""
    held = files(scene.export().data)
    listed = json.loads(held["manifest.json"])["files"]
    assert {*held} - {*listed} == {"manifest.json", "manifest.note"}
    assert all(each["sha256"] == hashlib.sha256(held[name]).hexdigest() for name, each in listed.items())


@pytest.fixture
def server() -> Iterator[str]:
    url = postgres.fresh()
    yield url
    postgres.drop(url)


def test_postgresql_gives_a_bundle_that_verifies(server: str, tmp_path: Path) -> None:
    """The same evidence, read from the other database."""
    scene = bundles.build(tmp_path, server)
    made = scene.export(database_url=server)
    assert (checked(made.data).findings, made.lost) == ([], [])
