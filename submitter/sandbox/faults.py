"""What can go wrong at a provider, by name. Each fault strikes N times, or always where no number was given."""

from collections.abc import Iterable, Mapping

FAULTS: dict[str, str] = {
    # at the door
    "refuse_429": "submission is refused with 429 and Retry-After: 1",
    "refuse_503": "submission is refused with 503",
    "error_500": "submission breaks with 500",
    "no_answer": "the job is accepted, then the connection drops before the acknowledgement",
    # the callback
    "early": "the callback is sent before the acknowledgement returns",
    "reorder": "as early, and several callbacks of one job come last first",
    "duplicate": "the callback is sent two or three times at once",
    "lost": "no callback is sent",
    "forged": "a callback with a bad signature (or a guessed URL, where nothing is signed) comes before the real one",
    "stale": "a sending carries a timestamp one hour old, correctly signed",
    "unsigned": "a sending carries no signature",
    "wrong_id": "a sending, correctly signed, names a job that is not ours",
    "null_payload": "the callback says success and holds no result",
    # one provider's own ways
    "payload_error": "fal: status OK, payload null and a payload_error text",
    "late_422": "fal: a bad input is acknowledged, and refused in the callback, as the real queue does",
    "not_found_first": "Fireworks: the first two questions about a job answer Task not found",
    "wrapped": 'Runware: callback bodies are wrapped in {"data": [...]}',
    "flat_error": "Runware: a failure comes as a flat task object",
    "nested_error": "Runware: a failure comes as a task object with a nested error",
    "put_late": "Runware: the picture is PUT after the callback",
    "put_never": "Runware: the picture is never PUT",
    "cli_words": "Vtrix: task_id and pending, processing, … as its command line's manual has them",
    # the picture
    "expired_url": "a result URL is expired from the start",
    "html_image": "a download answers an HTML page",
    "truncated_image": "a download ends half way through the picture",
    "huge_image": "a download is larger than any receiver should take (announced and unannounced in turn)",
    "redirect_image": "a download redirects to an address no receiver should visit",
    "slow_image": "a download drips for half a minute",
}


def parse_faults(specs: Iterable[str]) -> dict[str, int]:
    """Read `NAME[=N]` as the command line gives it; 0 means always. Raises ValueError with the names that exist."""
    found: dict[str, int] = {}
    for spec in specs:
        name, equals, number = spec.strip().partition("=")
        if name not in FAULTS:
            raise ValueError(f"there is no fault {name!r}; the faults are {', '.join(sorted(FAULTS))}")
        if equals and not (number.isascii() and number.isdigit()):
            raise ValueError(
                f"the fault {name} takes a whole number, not {number!r}; faults: {', '.join(sorted(FAULTS))}"
            )
        found[name] = int(number) if equals else 0
    return found


class Faults:
    """The faults that are set, and how often each may still strike."""

    def __init__(self, counts: Mapping[str, int] | None = None) -> None:
        self._left: dict[str, int | None] = {}
        for name, count in parse_faults(f"{name}={count}" for name, count in (counts or {}).items()).items():
            self._left[name] = count or None

    def strikes(self, name: str) -> bool:
        """Whether the fault strikes now; counts it."""
        if name not in self._left:
            return False
        left = self._left[name]
        if left is None:
            return True
        self._left[name] = max(left - 1, 0)
        return left > 0

    def drawn(self, names: Iterable[str]) -> frozenset[str]:
        """Those of the names that strike now."""
        return frozenset(name for name in names if self.strikes(name))
