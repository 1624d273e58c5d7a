"""A stranger who knows how the trail is made, and has the database but not our secret."""

import base64

from receiver.audit import check_tree, checkpoint, merkle, note, signing, tiles
from receiver.audit.merkle import Frontier
from receiver.audit.notekey import Signer
from tests.receiver.audit.editing import Editor

STRANGER = b"a stranger's secret, of 32 bytes"


def stranger(name: str) -> Signer:
    return signing.signer(STRANGER, name)


def rehash(edit: Editor) -> None:
    """Every leaf has the hash of its entry again."""
    for row in edit.rows("trail"):
        edit.set("trail", row, hash=merkle.leaf_hash(row["entry"]))


def retile(edit: Editor) -> None:
    """Every tile is what the leaves make."""
    growth = Frontier().append([row["hash"] for row in edit.rows("trail")])
    edit.run("DELETE FROM tile", (), "tile")
    for span in tiles.spans(0, growth.after.size):
        edit.insert("tile", {"level": span.level, "n": span.index, "hashes": tiles.content(span, growth)})


def resign(edit: Editor, by: Signer) -> None:
    """Every checkpoint names the root that the leaves make now, follows on the one before, and is signed by `by`."""
    hashes, before = [row["hash"] for row in edit.rows("trail")], "none"
    for row in edit.rows("checkpoint"):
        text = row["note"].decode().split("\n")
        said = checkpoint.Checkpoint(
            by.name, row["size"], merkle.root(hashes[: row["size"]]), (text[3], f"previous {before}")
        )
        made = note.sign(said.text(), [by])
        edit.set("checkpoint", row, note=made)
        before = check_tree.named(made)


def spelled(data: bytes) -> str:
    return base64.b64encode(data).decode()
