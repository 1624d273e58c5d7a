import ast
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import cryptography
import pytest

from receiver.audit.bundle_files import PARTS, script
from receiver.audit.stranger import archive
from receiver.audit.stranger.archive import pack
from receiver.audit.stranger.check import main
from tests.receiver.audit import bundles
from tests.receiver.audit.bundles import flipped

ROOM = Path(archive.__file__).parent
ALONE = (
    "import runpy, sys; sys.path = [*sys.path, sys.argv.pop(1)]; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return bundles.build(tmp_path_factory.mktemp("script")).export().data


def test_the_script_knows_nothing_but_the_standard_library_and_cryptography() -> None:
    """And its parts name nothing alike, so that they can stand in one file."""
    tree = ast.parse(script())
    known = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    known |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in known} <= sys.stdlib_module_names | {"cryptography"}
    assert {path.stem for path in ROOM.glob("*.py")} == {"__init__", *PARTS}
    names = [name for part in PARTS for name in _defined(ast.parse((ROOM / f"{part}.py").read_text()))]
    assert len(names) == len(set(names))


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (
                each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
            )


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """A folder from which `cryptography` can be imported, and nothing else of ours."""
    room = tmp_path / "site"
    room.mkdir()
    site = Path(cryptography.__file__).parent.parent
    for pattern in ("cryptography", "cffi", "_cffi_backend*", "pycparser"):
        for found in site.glob(pattern):
            (room / found.name).symlink_to(found)
    return room


def run(alone: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", "-c", ALONE, alone, *arguments]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, env={}, cwd=alone, check=False)


def test_the_script_in_the_bundle_checks_it_alone(bundle: bytes, alone: Path) -> None:
    """As a stranger does: unpacked, in a bare Python, on the zip and on the folder; and an altered byte is found."""
    folder = alone.parent / "bundle"
    with zipfile.ZipFile(BytesIO(bundle)) as packed_:
        packed_.extractall(folder)
    (alone.parent / "bundle.zip").write_bytes(bundle)
    for where in ([], [alone.parent / "bundle.zip"], [folder, "--json"]):
        done = run(alone, folder / "verify.py", *where)
        assert (done.returncode, done.stderr) == (0, ""), done
        assert "good" in done.stdout
    (alone.parent / "bundle.zip").write_bytes(flipped(bundle, len(bundle) // 2))
    assert run(alone, folder / "verify.py", alone.parent / "bundle.zip").returncode == 3
    (folder / "more").write_text("more")
    (folder / "link").symlink_to("/etc/passwd")
    done = run(alone, folder / "verify.py", "--json")
    assert {each["where"] for each in json.loads(done.stdout)["findings"]} == {"more", "link"}
    assert run(alone, folder / "verify.py", alone).returncode == 2
    assert run(alone, folder / "verify.py", "/nowhere").returncode == 2


def test_the_bare_python_knows_nothing_of_ours(alone: Path) -> None:
    """So that the test above says something."""
    for name, known in (("receiver", False), ("rfc8785", False), ("cryptography", True)):
        code = f"import sys; sys.path.append({str(alone)!r}); import {name}"
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", code], capture_output=True, env={}, cwd="/", check=False
        )
        assert (done.returncode == 0) == known, name


def test_what_it_prints_cannot_act_on_a_terminal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Text of a stranger's bundle is shown as text."""
    hostile = {"manifest.json": json.dumps({"files": {"\x1b]0;owned\x07\u202e": {}}}).encode(), "manifest.note": b"x"}
    (tmp_path / "hostile.zip").write_bytes(b"".join(pack(hostile)))
    assert main([str(tmp_path / "hostile.zip")]) == 3
    assert capsys.readouterr().out.replace("\n", "").isprintable()
