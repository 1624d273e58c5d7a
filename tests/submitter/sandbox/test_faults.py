import pytest

from submitter.sandbox.faults import FAULTS, Faults, parse_faults


def test_a_fault_may_carry_a_number() -> None:
    """`NAME[=N]`; without a number it is 0, which means always."""
    assert parse_faults(["duplicate", "lost=2"]) == {"duplicate": 0, "lost": 2}


@pytest.mark.parametrize("spec", ["", "nothing", "lost=", "lost=two", "lost=-1", "lost=1.5", "lost=²", "Lost"])
def test_a_wrong_fault_is_refused_with_the_names_that_exist(spec: str) -> None:
    """Whoever mistypes a fault is told every name."""
    with pytest.raises(ValueError, match="duplicate") as caught:
        parse_faults([spec])
    assert all(name in str(caught.value) for name in FAULTS)


def test_a_counted_fault_strikes_that_often() -> None:
    """A count is used up; no count strikes for ever; an unset fault never."""
    faults = Faults({"lost": 2, "early": 0})
    assert [faults.strikes("lost") for _ in range(4)] == [True, True, False, False]
    assert all(faults.strikes("early") for _ in range(5))
    assert not faults.strikes("stale")


def test_drawing_counts_only_the_names_asked_for() -> None:
    """A fault that a provider does not know is left for the one that does."""
    faults = Faults({"wrapped": 1, "lost": 1})
    assert faults.drawn(["lost", "early"]) == {"lost"}
    assert faults.drawn(["wrapped", "lost"]) == {"wrapped"}


def test_every_fault_is_described_on_one_line() -> None:
    """The command line lists them."""
    assert all(text and "\n" not in text and len(text) < 120 for text in FAULTS.values())
