"""Signs the samples: writes `headers.json` of every case whose `expected.json` has `signing`, from fixed seeds.

    .venv/bin/python -m tests.samples.make [FOLDER]

Nothing of `receiver` is imported: an error there cannot agree with itself.
"""

import hashlib
import hmac
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HERE = Path(__file__).parent
Recipe = Mapping[str, str]
Pairs = list[tuple[str, str]]


def fal_ed25519(body: bytes, recipe: Recipe) -> Pairs:
    parts = (recipe["request_id"], recipe["user_id"], recipe["timestamp"], hashlib.sha256(body).hexdigest())
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(recipe["seed"]))
    return [
        ("Content-Type", "application/json"),
        ("X-Fal-Webhook-Request-Id", recipe["request_id"]),
        ("X-Fal-Webhook-User-Id", recipe["user_id"]),
        ("X-Fal-Webhook-Timestamp", recipe["timestamp"]),
        ("X-Fal-Webhook-Signature", private.sign("\n".join(parts).encode()).hex()),
    ]


def hmac_sha256(body: bytes, recipe: Recipe) -> Pairs:
    digest = hmac.new(recipe["secret"].encode(), body, hashlib.sha256).hexdigest()
    return [("Content-Type", "application/json"), (recipe["header"], recipe["prefix"] + digest)]


SCHEMES = {"fal-ed25519": fal_ed25519, "hmac-sha256": hmac_sha256}


def make(target: Path) -> list[str]:
    """Writes `<target>/<provider>/<case>/headers.json` of all signed cases, and names them."""
    made = []
    for expected in sorted(HERE.glob("*/*/expected.json")):
        recipe = json.loads(expected.read_text("utf-8")).get("signing")
        if recipe is None:
            continue
        pairs = SCHEMES[recipe["scheme"]]((expected.parent / "body").read_bytes(), recipe)
        folder = target / expected.parent.relative_to(HERE)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "headers.json").write_text(json.dumps(pairs, indent=2) + "\n", "utf-8")
        made.append(folder.relative_to(target).as_posix())
    return made


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
