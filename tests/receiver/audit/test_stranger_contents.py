import json
from collections.abc import Callable

import pytest

from receiver.audit import merkle, proofs
from receiver.audit.stranger.check import check
from receiver.audit.stranger.contents import Entry, check_contents
from receiver.audit.stranger.findings import Report
from receiver.audit.stranger.notes import included
from tests.receiver.audit.bundles import Scene, bundle, checked, flipped, held, named, place, resealed, scene

__all__ = ["bundle", "held", "scene"]


def changed_field(held: dict[str, bytes], kind: str, name: str, words: str = "") -> dict[str, bytes]:
    file = f"{place(held, kind, words)}/{name}"
    return held | {file: flipped(held[file], len(held[file]) // 2)}


OWNERS: dict[str, Callable[[dict[str, bytes]], dict[str, bytes]]] = {
    "an entry": lambda held: changed_field(held, "order", "entry.json"),
    "a prompt": lambda held: changed_field(held, "order", "order.json"),
    "headers": lambda held: changed_field(held, "delivery", "headers.txt"),
    "a body": lambda held: changed_field(held, "delivery", "body.json"),
    "the hash of a body": lambda held: changed_field(held, "delivery", "body_sha256.txt"),
    "a picture": lambda held: held | {next(n for n in held if n.startswith("pictures/")): b"another picture"},
    "a proof": lambda held: proof(held, "order", hashes=[]),
    "a longer proof": lambda held: proof(held, "order", hashes=["00" * 32] * 99),
    "a place": lambda held: proof(held, "order", index=5),
    "a place beyond": lambda held: proof(held, "order", index=10**30),
    "no picture of that name": lambda held: proof(held, "image", picture="pictures/none.png"),
    "a field that was not sealed": lambda held: proof(
        held, "event", opened={"x": {"salt": "", "type": "t", "file": None}}
    ),
    "no order": lambda held: without(held, "order"),
    "no delivery": lambda held: without(held, "delivery", '"verified"'),
    "no key": lambda held: without(held, "key"),
    "no entries": lambda held: {n: d for n, d in held.items() if not n.startswith("trail/")},
    "no checkpoint": lambda held: {n: d for n, d in held.items() if n != "checkpoint.note"},
    "no jobs": lambda held: (
        held | {"manifest.json": json.dumps(json.loads(held["manifest.json"]) | {"jobs": []}).encode()}
    ),
}


def proof(held: dict[str, bytes], kind: str, **changed: object) -> dict[str, bytes]:
    file = f"{place(held, kind)}/proof.json"
    return held | {file: json.dumps(json.loads(held[file]) | changed).encode()}


def without(held: dict[str, bytes], kind: str, words: str = "") -> dict[str, bytes]:
    return {name: data for name, data in held.items() if not name.startswith(f"{place(held, kind, words)}/")}


@pytest.mark.parametrize("what", OWNERS)
def test_what_the_owner_alters_is_found_though_the_manifest_is_signed_anew(
    scene: Scene, held: dict[str, bytes], what: str
) -> None:
    """The manifest is only the wrapping: the tree, the commitments, hashes and signatures hold what is inside."""
    report = checked(resealed(scene, OWNERS[what](held)))
    assert report.findings
    assert "manifest.note" not in named(report)


JUNK = (
    b"",
    b"null",
    b"[]",
    b"{}",
    b"7",
    b'"x"',
    b"\xff",
    b"[" * 100_000,
    b'{"index":1e999}',
    b"[[1],[2]]",
    b"1" * 5000,
)


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_no_junk_makes_it_fail(scene: Scene, held: dict[str, bytes], junk: bytes) -> None:
    """Whatever stands in a file, even one that is signed, becomes a finding; nothing else ever comes out."""
    kinds = ("order", "key", "delivery", "event", "image")
    for name in ("signers.json", "checkpoint.note", *(f"{place(held, kind)}/proof.json" for kind in kinds)):
        assert checked(resealed(scene, held | {name: junk})).findings, name
    for name in ("manifest.json", "manifest.note", f"{place(held, 'order')}/entry.json"):
        assert check(held | {name: junk}).findings, name


def test_a_signature_too_far_from_its_time_is_found(scene: Scene, held: dict[str, bytes]) -> None:
    """The tolerance that was in force is in the manifest."""
    manifest = json.loads(held["manifest.json"]) | {"tolerance": -1}
    (found,) = checked(resealed(scene, held | {"manifest.json": json.dumps(manifest).encode()})).findings
    assert "too far from when it was received" in found[2]


def fal(held: dict[str, bytes], **plain: object) -> Report:
    """The check of the one delivery that fal signed, with plain fields as if they had been sealed so."""
    folder = place(held, "delivery", '"verified"')
    sealed, key = json.loads(held[f"{folder}/entry.json"]), json.loads(held[f"{place(held, 'key')}/entry.json"])
    opened = {name: held[f"{folder}/{name}.txt"] for name in ("headers", "body_sha256")}
    opened |= {name: bytes(str(plain.pop(name)), "ascii") for name in list(opened) if name in plain}
    delivery = Entry("delivery", sealed["ref"], sealed["plain"] | plain, opened, {"body": None})
    job = Entry("order", "a job", {}, {}, {})
    report = Report()
    material = plain.get("public", key["plain"]["public"])
    entries = [Entry("key", key["ref"], {"public": material}, {}, {}), delivery, job]
    check_contents(entries, {"jobs": ["a job"], "tolerance": 300}, held, report)
    return report


def test_a_providers_signature_is_verified_again(held: dict[str, bytes]) -> None:
    """From headers, hash of the body, key and time, as sealed; whatever of these differs is found."""
    assert fal(held).findings == []
    assert fal(held).checked["provider signatures"] == 1
    for changed in (
        {"signed_at": "2026-11-20T12:00:01.000000Z"},
        {"received_at": "2026-11-20T12:05:01.000000Z"},
        {"key_fingerprint": "0" * 64},
        {"body_sha256": "0" * 64},
        {"public": "00" * 32},
        {"headers": "x-fal-webhook-signature: 00\n"},
        {"headers": ""},
    ):
        assert [each[1].split()[0] for each in fal(held, **changed).findings] == ["delivery"], changed


def test_other_schemes_say_what_belief_rests_on(held: dict[str, bytes]) -> None:
    """A shared secret is not in a bundle, and a scheme of a plug-in is not known to the script."""
    assert "with a secret that is not in here" in fal(held, scheme="hmac-sha256").noted[-1]
    assert "verified by us then as other, which is unknown here" in fal(held, scheme="other").noted[-1]


@pytest.mark.parametrize("size", [*range(1, 34), 255, 256, 257])
def test_its_inclusion_proofs_are_those_of_the_tree(size: int) -> None:
    """Every index; and no proof holds for the index beside it."""
    entries = [str(n).encode() for n in range(size)]
    leaves = merkle.leaf_hashes(entries)
    nodes, root = merkle.nodes_of(leaves), merkle.root(leaves)
    for index in range(size):
        path = proofs.inclusion(index, size, nodes)
        included(entries[index], index, path, size, root)
        if size > 1:
            with pytest.raises(ValueError, match="not in the tree"):
                included(entries[index], (index + 1) % size, path, size, root)
