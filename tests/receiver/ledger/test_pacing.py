"""How far one page is looked for: as far as there is time, by what it took so far."""

from itertools import product

from receiver.ledger.pacing import FIRST, LARGEST, MOST, PATIENCE, Pace


class Clock:
    """A clock of our own; a row takes `each` seconds."""

    def __init__(self, each: float) -> None:
        self.now, self.each = 0.0, each

    def __call__(self) -> float:
        return self.now

    def walk(self) -> list[int]:
        """The steps that are made."""
        pace, steps = Pace(self), list[int]()
        while True:
            steps.append(pace.step)
            self.now += pace.step * self.each
            if pace.is_over():
                return steps


def test_quick_rows_are_looked_at_up_to_a_number() -> None:
    """Steps double up to the largest, and end with the one that reaches the most."""
    steps = Clock(1e-9).walk()

    assert steps[:6] == [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST, LARGEST, LARGEST]
    assert MOST <= sum(steps) < MOST + LARGEST


def test_rows_that_become_slow_end_the_page_soon() -> None:
    """Three times slower from some step on, as where they have to come from the disk: not long after its time."""
    for each, quick in product((2e-5, 4e-5, 8e-5), (100, 300, 500, 700)):
        clock, looked = Clock(each), 0
        pace = Pace(clock)
        while looked == 0 or not pace.is_over():
            clock.now += pace.step * each * (3 if looked >= quick else 1)
            looked += pace.step
        assert clock.now <= 1.5 * PATIENCE, (each, quick)


def test_what_came_before_the_first_step_counts() -> None:
    """Who has looked elsewhere for long looks at one step and no more."""
    clock = Clock(1e-9)
    pace = Pace(clock)
    clock.now += PATIENCE

    assert pace.is_over()


def test_slow_rows_end_the_page_in_time() -> None:
    """The last step is made smaller, so that it ends in time; rows that take very long are looked at once."""
    for each in (5e-6, 20e-6, 50e-6):
        assert sum(Clock(each).walk()) * each <= PATIENCE
    assert Clock(1.0).walk() == [FIRST]
