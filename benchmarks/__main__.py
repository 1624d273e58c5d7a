"""`make bench`: every row of the table of goals, as ratios in one run. See docs/performance.md.

make bench                      everything, some fifteen minutes on two cores
make bench ARGS=--quick         the same with short rounds, some four minutes
make bench ARGS='--only hmac'   one row and what it is compared with
make bench ARGS=kills           a thousand kills
"""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from benchmarks import goals, journey, kills, outcome, page, postgres, sealing, starts, uploads
from benchmarks.processes import GENERATOR, Children, Failed, free_port, python
from benchmarks.rounds import curve, rounds
from benchmarks.servers import VARIANTS, Place
from benchmarks.stock import Stock

FULL = {"rounds": 7, "seconds": 2.0, "fal": 140_000, "fireworks": 280_000, "history": 10_000_000, "repeats": 11}
QUICK = {"rounds": 3, "seconds": 1.0, "fal": 40_000, "fireworks": 80_000, "history": 1_000_000, "repeats": 5}
OTHERS = {"upload": uploads, "start": starts, "done-to-disk": journey, "sealing": sealing}
CURVES = {"hmac": "HMAC", "ed25519": "Ed25519"}
POINTS = (1, 4, 16, 64, 128, 256)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    given = _arguments()
    signal.signal(signal.SIGTERM, _ended)
    scale: dict[str, Any] = dict(QUICK if given.quick else FULL)
    if given.history:
        scale["history"] = given.history
    began = time.monotonic()
    only = set(given.only or ())
    found = {"rows": kills.measure(say)} if given.what == "kills" else _measure(scale, only)
    if given.what is None:
        found |= {"quick": given.quick, "scale": scale, "took": round(time.monotonic() - began)}
    if not only:  # a part of a run replaces no whole one
        kept = outcome.keep(found)
        if "scale" in kept:
            page.write(kept)
    print(page.table(found["rows"]))
    return 0


def _measure(scale: dict[str, Any], only: set[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="proofhook-bench-") as name, Children(Path(name)) as children:
        folder = Path(name)
        port = free_port()
        files = children.start("files", python("-m", "benchmarks.files", port), GENERATOR)
        children.up("files", files, port)
        counts = {"fal": scale["fal"], "fireworks": scale["fireworks"]}
        stock = Stock(folder, f"http://127.0.0.1:{port}", counts, scale["history"])
        say("signing requests and writing databases …")
        stock.make()
        found: dict[str, Any] = {"rows": [], "variants": {}, "curves": {}}
        names = goals.LOAD & (only or goals.LOAD)
        if names:
            _load(Place(children, stock), scale, names, found)
        if not only:
            say("latency by connections …")
            here = Place(children, stock)
            found["curves"] = {title: curve(here, name, POINTS, scale["seconds"] / 2) for name, title in CURVES.items()}
        for title, module in OTHERS.items():
            if not only or title in only:
                say(f"{title} …")
                found["rows"] += _other(module, Place(children, stock), scale["repeats"])
        return found


def _other(module: ModuleType, place: Place, repeats: int) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = module.measure(place, repeats)
    except Exception as error:  # noqa: BLE001  one row that cannot be measured must not cost all the others
        say(f"  not measured: {type(error).__name__}: {error}")
        return [goal.missing(f"it failed: {error or type(error).__name__}") for goal in module.GOALS]
    return found


def _load(place: Place, scale: dict[str, Any], names: set[str], found: dict[str, Any]) -> None:
    needed = set(goals.wanted(names))
    variants = [name for name in VARIANTS if name in needed]
    counts = place.stock.counts
    say(f"{scale['rounds']} rounds of {len(variants)} variants …")
    if "hmac-postgres" in needed:
        with postgres.server(place.stock.folder, counts, say) as url:
            measured = rounds(Place(place.children, place.stock, url), variants, scale["rounds"], scale["seconds"], say)
    else:
        measured = rounds(place, variants, scale["rounds"], scale["seconds"], say)
    found["rows"] += goals.rows(measured, names)
    found["variants"] = {name: goals.figures(shots) for name, shots in measured.shots.items()}
    found["kept"] = {name: {"acknowledged": a, "stored": s} for name, (a, s) in measured.kept.items()}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", nargs="?", choices=["kills"], help="a thousand kills instead of the table")
    parser.add_argument("--quick", action="store_true", help="short rounds, a short history")
    parser.add_argument("--only", action="append", choices=sorted(goals.LOAD | set(OTHERS)), help="a row; repeatable")
    parser.add_argument("--history", type=int, help="deliveries that are stored already")
    return parser.parse_args()


def _ended(*_: object) -> NoReturn:
    """SIGTERM ends the run as Ctrl-C does: every child is ended, every file removed."""
    raise SystemExit(143)


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except Failed as error:
        say(f"failed: {error}")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
