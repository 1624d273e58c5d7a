import ast
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import files as files_of
from io import BytesIO
from pathlib import Path

import pytest

from receiver.audit.bundle_files import PARTS, script
from receiver.audit.stranger import archive
from receiver.audit.stranger.archive import pack
from receiver.audit.stranger.check import main
from tests.receiver.audit import bundles

ROOM = Path(archive.__file__).parent
ALONE = ("cffi", "cryptography", "pycparser")
"""What `pip install cryptography` installs."""
KNOWN = """
import importlib.metadata, json, pkgutil, sys
places = [place for place in sys.path if place.endswith("-packages")]
print(json.dumps([sorted(each.name for each in found) for found in (
    importlib.metadata.distributions(), pkgutil.iter_modules(places))]))
"""
OFFLINE = """
import runpy, sys
def refuse(event, arguments):
    if event.split(".")[0] in {"socket", "sqlite3", "subprocess", "os.system", "urllib"}:
        sys.exit(f"it wanted {event}")
sys.addaudithook(refuse)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


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


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new virtual environment in which `cryptography` is, with what it needs, and nothing else."""
    room = tmp_path_factory.mktemp("clean") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", room], check=True)
    [site] = room.glob("lib/python3*/site-packages")
    for name in ALONE:
        for file in files_of(name) or ():
            if ".." not in file.parts and file.suffix != ".pyc":
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.locate(), site / file)
    return room / "bin" / "python"


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A folder to run in."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


@pytest.fixture
def folder(bundle: bytes, tmp_path: Path) -> Path:
    """The bundle, unpacked by another tool than ours; the zip is beside it."""
    (tmp_path / "bundle.zip").write_bytes(bundle)
    with zipfile.ZipFile(BytesIO(bundle)) as held:
        held.extractall(tmp_path / "bundle")
    return tmp_path / "bundle"


def run(python: Path, empty: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """In an empty folder, which stays empty, with nothing in the environment."""
    command = list(map(str, (python, *arguments)))
    done = subprocess.run(command, capture_output=True, text=True, env={}, cwd=empty, check=False)
    assert list(empty.iterdir()) == []
    return done


def test_the_clean_environment_knows_cryptography_alone(python: Path, empty: Path) -> None:
    """So that the tests below say something: no other distribution and no other module, ours least of all."""
    distributions, modules = json.loads(run(python, empty, "-c", KNOWN).stdout)
    assert distributions == list(ALONE)
    assert modules == ["_cffi_backend", *ALONE]
    for name in ("receiver", "submitter", "httpx", "rfc8785", "pip"):
        assert f"No module named '{name}'" in run(python, empty, "-c", f"import {name}").stderr


def test_the_script_in_the_bundle_checks_it_alone(python: Path, empty: Path, folder: Path) -> None:
    """As a stranger does, on the folder and on the zip; nothing it does asks for network, database or process."""
    for where in ([], [folder.with_suffix(".zip")], [folder, "--json"]):
        done = run(python, empty, folder / "verify.py", *where)
        assert (done.returncode, done.stderr) == (0, ""), done
        assert "good" in done.stdout
    offline = run(python, empty, "-c", OFFLINE, folder / "verify.py")
    assert (offline.returncode, offline.stderr) == (0, "")


@pytest.mark.parametrize("name", ["index.html", "checkpoint.note", "pictures", "trail", "verify.py"])
def test_the_script_says_which_file_was_altered(python: Path, empty: Path, folder: Path, name: str) -> None:
    """One byte of one file: status 3 and its name, in the folder and in the zip alike."""
    file = next(each for each in sorted(folder.rglob("*")) if each.is_file() and name in each.as_posix())
    whole, zipped = file.read_bytes(), folder.with_suffix(".zip").read_bytes()
    at = len(whole) - 2  # of the script: within its last line, which it runs by
    altered = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
    script_ = empty.parent / "verify.py"
    shutil.copyfile(folder / "verify.py", script_)
    file.write_bytes(altered)
    folder.with_suffix(".zip").write_bytes(zipped.replace(whole, altered, 1))
    for where in (folder, folder.with_suffix(".zip")):
        done = run(python, empty, script_, where, "--json")
        assert (done.returncode, done.stderr) == (3, "")
        said = {each["where"] for each in json.loads(done.stdout)["findings"]}
        assert file.relative_to(folder).as_posix() in said


def test_what_lies_in_the_folder_besides_is_named(python: Path, empty: Path, folder: Path) -> None:
    """A file and a link that nobody listed."""
    (folder / "more").write_text("more")
    (folder / "link").symlink_to("/etc/passwd")
    done = run(python, empty, folder / "verify.py", "--json")
    assert {each["where"] for each in json.loads(done.stdout)["findings"]} == {"more", "link"}


def test_what_is_no_bundle_is_status_2(python: Path, empty: Path, folder: Path) -> None:
    """An empty folder, nothing at all, and the script alone: one line."""
    for where in (empty, "/nowhere", folder / "verify.py"):
        done = run(python, empty, folder / "verify.py", where)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_what_it_prints_cannot_act_on_a_terminal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Text of a stranger's bundle is shown as text."""
    hostile = {"manifest.json": json.dumps({"files": {"\x1b]0;owned\x07\u202e": {}}}).encode(), "manifest.note": b"x"}
    (tmp_path / "hostile.zip").write_bytes(b"".join(pack(hostile)))
    assert main([str(tmp_path / "hostile.zip")]) == 3
    assert capsys.readouterr().out.replace("\n", "").isprintable()
