from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from receiver import registry
from receiver.wire import contract, schemes
from receiver.wire.contract import CHECKS, FACTS, Sample
from receiver.wire.orders import Acknowledged
from receiver.wire.provider import Provider
from receiver.wire.types import Event, Headers, Outcome, Verified
from tests.receiver.wire import sampling
from tests.samples import make

FAL = registry.provider("fal")


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.__name__)
@pytest.mark.parametrize("name", sorted(registry.providers()))
def test_facts(name: str, fact: Callable[[Provider], None]) -> None:
    """Every provider of the registry satisfies what the contract asks of a provider."""
    fact(registry.provider(name))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", sampling.cases())
def test_samples(case: str, check: Callable[[Provider, Sample], None]) -> None:
    """Every sample of every provider satisfies what the contract asks of a delivery."""
    sample = sampling.load(case)
    check(registry.provider(sample.delivery.provider), sample)


@pytest.mark.parametrize("name", sorted(registry.providers()))
def test_every_provider_has_samples(name: str) -> None:
    """A provider without samples would pass every contract: each has some, of callbacks too where it calls back."""
    kinds = {sampling.load(case).delivery.kind.value for case in sampling.cases(name)}

    assert kinds == ({"hook", "answer"} if registry.provider(name).calls_back else {"answer"})


def test_made_again(tmp_path: Path) -> None:
    """Signed vectors come from fixed seeds: the script, run again, makes the very files that are committed."""
    made = make.make(tmp_path)

    assert "fal/done" in made
    for name in made:
        fresh = (tmp_path / name / "headers.json").read_bytes()
        assert fresh == (sampling.FOLDER / name / "headers.json").read_bytes(), name


def credulous(sample: Sample) -> Provider:
    return replace(FAL, verify=lambda delivery, trust, now: schemes.fal_ed25519(sample.delivery, sample.trust, now))


def clumsy(verified: Verified) -> tuple[Event, ...]:
    return (Event(id=str(verified.delivery.body[9]), request_id="r", outcome=Outcome.PROGRESS),)


def unfit(verified: Verified) -> tuple[Event, ...]:
    return (Event(id="\ud800", request_id="r", outcome=Outcome.PROGRESS),)


@pytest.mark.parametrize("check", [contract.signed_headers, contract.signed_body])
def test_a_door_left_open_is_found(check: Callable[[Provider, Sample], None]) -> None:
    """The contract bites: a verifier that looks elsewhere than at the delivery does not pass."""
    sample = sampling.load("fal/done")

    with pytest.raises(AssertionError, match="is believed"):
        check(credulous(sample), sample)


@pytest.mark.parametrize(
    ("broken", "check", "sentence"),
    [
        (replace(FAL, parse=clumsy), contract.junk, "IndexError"),
        (replace(FAL, parse=unfit), contract.wrong_types, "no database takes"),
        (replace(FAL, parse=unfit), contract.believed, "gives"),
        (replace(FAL, verify=lambda delivery, trust, now: schemes.capability(delivery)), contract.believed, "by"),
    ],
)
def test_a_broken_promise_is_found(broken: Provider, check: Callable[[Provider, Sample], None], sentence: str) -> None:
    """The contract bites: another exception, unfit text, other events and a weaker scheme do not pass."""
    with pytest.raises(AssertionError, match=sentence):
        check(broken, sampling.load("fal/done"))


def test_a_crash_is_no_refusal() -> None:
    """The contract bites: a verifier that dies of a junk header has not refused it."""

    def brittle(delivery: object, trust: object, now: object) -> Verified:
        raise TypeError

    with pytest.raises(AssertionError, match="TypeError"):
        contract.signed_body(replace(FAL, verify=brittle), sampling.load("fal/done"))


def test_a_junk_answer_to_an_order_is_tried() -> None:
    """The contract bites: an acknowledgement read without care, or believed whatever it says, does not pass."""
    with pytest.raises(AssertionError, match="not one of"):
        contract.careful(replace(FAL, acknowledged=lambda reply, job_id: Acknowledged(str(reply.body[0]))))
    with pytest.raises(AssertionError, match="let through"):
        contract.careful(replace(FAL, acknowledged=lambda reply, job_id: Acknowledged(job_id)))


@pytest.mark.parametrize("changed", [{"name": "Fal AI"}, {"auth": ("authorization", "Key")}, {"hosts": ()}])
def test_facts_are_checked(changed: dict[str, object]) -> None:
    """The contract bites: a name unfit for a URL, an auth without a key and a provider without hosts do not pass."""
    with pytest.raises(AssertionError):
        contract.named(replace(FAL, **changed))  # type: ignore[arg-type]


def test_hold_runs_everything() -> None:
    """One call holds a plug-in to all of it."""
    sample = sampling.load("fal/done")
    contract.hold(FAL, [sample])

    with pytest.raises(AssertionError, match="is refused"):
        contract.hold(FAL, [replace(sample, delivery=replace(sample.delivery, headers=Headers()))])
