from datetime import timedelta

from receiver.pages.throttle import Throttle
from tests.receiver.pages.seeding import T0

SECOND = timedelta(seconds=1)


def test_failures_are_counted_by_address() -> None:
    """One address's failures hold up nobody else."""
    throttle = Throttle(failures=2)
    throttle.failed("192.0.2.1", T0)
    throttle.failed("192.0.2.1", T0 + SECOND)
    assert throttle.wait("192.0.2.1", T0 + SECOND) == timedelta(seconds=59)
    assert throttle.wait("192.0.2.2", T0 + SECOND) == timedelta(0)


def test_the_window_slides() -> None:
    """A failure counts for a minute, no longer."""
    throttle = Throttle(failures=2)
    throttle.failed("192.0.2.1", T0)
    throttle.failed("192.0.2.1", T0 + 30 * SECOND)
    assert throttle.wait("192.0.2.1", T0 + 60 * SECOND) == timedelta(0)
    throttle.failed("192.0.2.1", T0 + 60 * SECOND)
    assert throttle.wait("192.0.2.1", T0 + 60 * SECOND) == timedelta(seconds=30)


def test_a_network_of_ipv6_is_one_address() -> None:
    """A machine has a whole /64 to choose from, so that is what is counted."""
    throttle = Throttle(failures=1)
    throttle.failed("2001:db8::1", T0)
    assert throttle.wait("2001:db8::ffff:2", T0) > timedelta(0)
    assert throttle.wait("2001:db8:0:1::1", T0) == timedelta(0)


def test_memory_is_bounded() -> None:
    """However many addresses fail, only so many are remembered."""
    throttle = Throttle(failures=1, addresses=8)
    for number in range(100):
        throttle.failed(f"192.0.2.{number}", T0)
    assert len(throttle._seen) == 8
    assert throttle.wait("192.0.2.99", T0) > timedelta(0)


def test_success_forgets() -> None:
    """Who has come in is not held up by earlier slips; an address may be no address at all."""
    throttle = Throttle(failures=1)
    throttle.failed("", T0)
    throttle.succeeded("")
    assert throttle.wait("", T0) == timedelta(0)
