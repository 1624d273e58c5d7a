"""The arrows of the house: which room may import which, and what the pure room may not do."""

import ast
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(path for package in ("receiver", "submitter") for path in (ROOT / package).rglob("*.py"))
WIRE = [path for path in FILES if path.is_relative_to(ROOT / "receiver" / "wire")]
ARITHMETIC = [
    ROOT / "receiver" / "audit" / f"{name}.py"
    for name in ("merkle", "proofs", "tiles", "notekey", "note", "checkpoint", "canonical", "commitments")
]
"""The pure part of the evidence: a stranger may run it to check a bundle."""

STRANGER = sorted((ROOT / "receiver" / "audit" / "stranger").glob("*.py"))
"""The script in every bundle: it runs where nothing of ours is."""

PURE = {"cryptography", "pydantic", "pydantic_core", "receiver"}
IMPURE = {
    "asyncio", "os", "random", "secrets", "socket", "ssl", "subprocess", "threading", "time", "urllib.request",
    "pathlib", "io", "tempfile", "http", "select", "signal", "shutil", "logging",
}  # fmt: skip
STANDARD = {
    "__future__", "base64", "binascii", "collections", "copy", "dataclasses", "datetime", "decimal", "difflib", "enum",
    "functools", "hashlib", "hmac", "ipaddress", "itertools", "json", "math", "operator", "re", "string", "types",
    "typing", "unicodedata", "urllib", "uuid",
}  # fmt: skip
CLOCKS = {
    "now",
    "utcnow",
    "today",
    "time",
    "monotonic",
    "perf_counter",
    "uuid1",
    "uuid4",
    "getenv",
    "token_hex",
    "urandom",
}

EDGE = {
    "receiver.hooks", "receiver.uploads", "receiver.api", "receiver.pages", "receiver.app", "receiver.worker",
    "receiver.road",
}  # fmt: skip
LOWER = {"receiver.ledger", "receiver.storage", "receiver.keyring", "receiver.fetch", "receiver.guard", "receiver.dial"}
FORBIDDEN = {
    "receiver.errors": {"receiver", "submitter"},
    "receiver.wire": {
        "submitter",
        *EDGE,
        *LOWER,
        "receiver.settings",
        "receiver.registry",
        "receiver.keyfile",
        "receiver.log",
    },
    "receiver.ledger": {"submitter", *EDGE, *(LOWER - {"receiver.ledger"}), "receiver.settings", "receiver.registry"},
    "receiver.storage": {"submitter", *EDGE, *(LOWER - {"receiver.storage"}), "receiver.settings", "receiver.registry"},
    "receiver.keyring": {"submitter", *EDGE, *(LOWER - {"receiver.keyring"}), "receiver.settings"},
    "receiver.fetch": {"submitter", *EDGE, "receiver.ledger", "receiver.keyring", "receiver.settings"},
    "receiver.check": {"submitter", *EDGE, *LOWER, "receiver.settings"},
    "receiver.shrink": {"submitter", *EDGE, *LOWER, "receiver.settings"},
    "receiver.acts": {"submitter", *(EDGE - {"receiver.road"}), "receiver.fetch"},
    "receiver.intake": {"submitter", *EDGE, *(LOWER - {"receiver.storage"}), "receiver.settings"},
    "receiver.outgoing": {"submitter", *(EDGE - {"receiver.road"}), "receiver.fetch"},
    "receiver.thumbs": {"submitter", *(EDGE - {"receiver.road"}), "receiver.fetch"},
    "receiver.doctor": {"submitter", *(EDGE - {"receiver.road"}), "receiver.fetch"},
    "receiver.audit": {"submitter", *EDGE, "receiver.fetch", "receiver.guard", "receiver.dial"},
    "receiver.road": {"submitter", *(EDGE - {"receiver.road"}), "receiver.fetch"},
    "receiver.hooks": {
        "submitter", "receiver.app", "receiver.api", "receiver.pages",
        "receiver.worker", "receiver.uploads",
    },
    "receiver.uploads": {"submitter", "receiver.app", "receiver.api", "receiver.pages", "receiver.worker"},
    "receiver.api": {
        "submitter", "receiver.app", "receiver.worker", "receiver.hooks",
        "receiver.uploads", "receiver.fetch", "receiver.keyring",
    },
    "receiver.api.stream": {"receiver.pages"},
    "receiver.pages": {"submitter", "receiver.app", "receiver.worker", "receiver.hooks", "receiver.uploads"},
    "receiver.worker": {
        "submitter", "receiver.app", "receiver.api", "receiver.pages",
        "receiver.hooks", "receiver.uploads",
    },
    "receiver": {"submitter"},
    "submitter.sandbox": {"receiver", "submitter.submit", "submitter.client", "submitter.intake", "submitter.calls"},
}  # fmt: skip
"""Room → what nothing in it may import. A name stands for itself and all below it."""

SUBMITTER_MAY = {
    "receiver.wire", "receiver.ledger", "receiver.registry", "receiver.settings", "receiver.errors", "receiver.road",
    "receiver.storage", "receiver.audit", "receiver.log", "receiver.acts", "receiver.doctor",
    "receiver.intake", "receiver.outgoing",
}  # fmt: skip

ONLY = {
    "sqlmodel": {"receiver.ledger"},
    "sqlalchemy": {"receiver.ledger"},
    "alembic": {"receiver.ledger"},
    "psycopg": {"receiver.ledger"},
    "starlette": {
        "receiver.hooks",
        "receiver.uploads",
        "receiver.api",
        "receiver.pages",
        "receiver.app",
        "submitter.sandbox",
    },
    "PIL": {"receiver.check", "receiver.shrink", "submitter.sandbox", "submitter.cli"},
    "cryptography": {"receiver.wire", "receiver.audit", "submitter.sandbox"},
    "rfc8785": {"receiver.audit"},
    "c2pa": {"receiver.audit.provenance.child"},
    "rfc3161_client": {"receiver.audit.timestamp"},
    "httpcore": {"receiver.fetch", "receiver.guard", "receiver.dial"},
    "obstore": {"receiver.storage"},
    "prometheus_client": {"receiver.api.metrics"},
    "jinja2": {"receiver.pages"},
    "typer": {"submitter.cli"},
    "rich": {"submitter.cli"},
    "uvicorn": {"submitter.cli"},
    "structlog": {"receiver.log"},
}
"""Library → the only rooms that know it."""


def module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def nodes(path: Path) -> Sequence[ast.AST]:
    """Everything in a file; read once for all tests."""
    return list(ast.walk(ast.parse(path.read_text())))


@cache
def imports(path: Path) -> Sequence[str]:
    """Every module that a file imports, wherever in the file; `from a import b` gives `a` and `a.b`."""
    return list(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: a relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


@pytest.mark.parametrize("path", FILES, ids=module)
def test_imports_run_one_way(path: Path) -> None:
    """No room imports what stands above it (design §2)."""
    for room, forbidden in FORBIDDEN.items():
        if not within(module(path), room) or (room == "receiver" and module(path) == "receiver"):
            continue
        for name in imports(path):
            wrong = [bad for bad in forbidden if within(name, bad)]
            assert not wrong, f"{module(path)} imports {name}; {room} may not know {wrong[0]}"


@pytest.mark.parametrize("path", FILES, ids=module)
def test_each_library_has_its_room(path: Path) -> None:
    """Only `ledger` knows sqlmodel, only the edge knows starlette, and so on (design §2)."""
    for library, rooms in ONLY.items():
        if any(within(name, library) for name in imports(path)):
            assert any(within(module(path), room) for room in rooms), f"{module(path)} imports {library}"


@pytest.mark.parametrize("path", [p for p in FILES if within(module(p), "submitter")], ids=module)
def test_the_submitter_knows_only_the_shared_rooms(path: Path) -> None:
    """receiver.{wire, ledger, registry, settings, log} and the road may be known; the command starts the receiver."""
    if within(module(path), "submitter.cli"):
        return
    for name in imports(path):
        if within(name, "receiver") and name != "receiver":
            assert any(within(name, room) for room in SUBMITTER_MAY), f"{module(path)} imports {name}"


@pytest.mark.parametrize("path", WIRE, ids=module)
def test_wire_is_pure(path: Path) -> None:
    """`wire` knows the standard library's pure part, cryptography, pydantic and our errors; no I/O, no clock."""
    for name in imports(path):
        top = name.split(".")[0]
        assert name not in IMPURE, f"{module(path)} imports {name}"
        assert top not in IMPURE, f"{module(path)} imports {name}"
        assert top in PURE | STANDARD, f"{module(path)} imports {name}"
        if top == "receiver" and name != "receiver":
            assert any(within(name, room) for room in ("receiver.wire", "receiver.errors")), name


@pytest.mark.parametrize("path", ARITHMETIC, ids=module)
def test_the_arithmetic_of_evidence_is_pure(path: Path) -> None:
    """It knows the standard library's pure part, cryptography, our errors and itself; rfc8785 in one place."""
    ours = {"receiver.errors", *map(module, ARITHMETIC)}
    for name in imports(path):
        top = name.split(".")[0]
        assert name not in IMPURE, f"{module(path)} imports {name}"
        assert top in STANDARD | {"cryptography", "receiver", "rfc8785"}, f"{module(path)} imports {name}"
        assert top != "rfc8785" or path.stem == "canonical", f"{module(path)} imports {name}: bundles do without"
        if top == "receiver" and name not in {"receiver", "receiver.audit"}:
            assert any(within(name, room) for room in ours), f"{module(path)} imports {name}"


@pytest.mark.parametrize("path", STRANGER, ids=module)
def test_the_stranger_knows_nothing_of_ours(path: Path) -> None:
    """The standard library, without a way to the network or another process, `cryptography`, and its own files."""
    for name in imports(path):
        top = name.split(".")[0]
        assert top in sys.stdlib_module_names | {"cryptography"} or within(name, "receiver.audit.stranger"), name
        assert top not in {"http", "os", "shutil", "socket", "ssl", "subprocess", "tempfile", "urllib"}, name


@pytest.mark.parametrize("path", [*WIRE, *ARITHMETIC], ids=module)
def test_wire_reads_no_clock_environment_or_randomness(path: Path) -> None:
    """Time, keys and settings are arguments; a call that makes them up is a defect in `wire`, and in the evidence."""
    for node in nodes(path):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in CLOCKS, f"{module(path)}:{node.lineno} calls {node.func.attr}()"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in CLOCKS | {"open", "input", "print"}, f"{module(path)}:{node.lineno}"


@pytest.mark.parametrize("path", FILES, ids=module)
def test_only_a_scheme_makes_a_verified(path: Path) -> None:
    """`Verified(…)` is written in schemes.py and nowhere else: unverified bytes cannot be parsed by mistake."""
    makes = [
        node.lineno
        for node in nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Verified"
    ]
    assert not makes or module(path) == "receiver.wire.schemes", f"{module(path)}:{makes}"


def test_the_exposed_process_cannot_reach_spending_keys() -> None:
    """No file of `receiver` names a spending key's variable other than as a provider's fact in `wire/providers`."""
    for path in FILES:
        if within(module(path), "receiver") and not within(module(path), "receiver.wire.providers"):
            for name in ("FAL_KEY", "FIREWORKS_API_KEY", "RUNWARE_API_KEY", "VTRIX_API_KEY"):
                assert name not in path.read_text(), f"{module(path)} names {name}"


@pytest.mark.parametrize("path", FILES, ids=module)
def test_sizes(path: Path) -> None:
    """Files stay under 250 lines and functions under 40: nobody is at home in a giant."""
    source = path.read_text()
    assert len(source.splitlines()) <= 250
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 40, f"{node.name} at line {node.lineno}"


def test_names_say_what_they_hold() -> None:
    """No `utils`, `helpers`, `manager`, `base`: a room is named for its work."""
    assert not {path.stem for path in FILES} & {"utils", "helpers", "manager", "base", "common", "misc"}
