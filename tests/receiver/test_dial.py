from collections.abc import Iterable, Sequence

import httpcore
import pytest

from receiver.dial import Dialer, is_private, is_public, resolve
from receiver.errors import Permanent, Transient

PUBLIC = ["8.8.8.8", "1.1.1.1", "151.101.1.1", "2606:4700::1111", "2a00:1450:4001::200e"]
PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "::1",
    "fd12::1",
]
NEITHER = [
    "0.0.0.0",  # noqa: S104 - refused, not listened on
    "0.1.2.3",
    "169.254.169.254",  # metadata of most clouds
    "100.100.100.200",
    "fd00:ec2::254",
    "fd20:ce::254",
    "168.63.129.16",
    "192.0.0.9",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "5f00::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "junk",
    "",
    "127.1",
    "2130706433",
]


class Network(httpcore.AsyncNetworkBackend):
    """Writes down where it was sent; `dead` addresses refuse."""

    def __init__(self, dead: Sequence[str] = ()) -> None:
        self.dead = dead
        self.dialled: list[tuple[str, int]] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.dialled.append((host, port))
        if host in self.dead:
            raise httpcore.ConnectError
        return httpcore.AsyncMockStream([])


class Names:
    """A name server; each question gets the next answer."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        return self.answers.pop(0)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    """Plain unicast addresses of the internet."""
    assert (is_public(address), is_private(address)) == (True, False)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses(address: str) -> None:
    """This machine and private networks: for hosts that IMAGE_HOSTS names, and no others."""
    assert (is_public(address), is_private(address)) == (False, True)


@pytest.mark.parametrize("address", NEITHER)
def test_addresses_nobody_downloads_from(address: str) -> None:
    """Metadata services, tunnels that lead elsewhere, multicast, reserved blocks and junk."""
    assert (is_public(address), is_private(address)) == (False, False)


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """One question per connection: a second, different answer is never asked for."""
    network, names = Network(), Names(["8.8.8.8"], ["127.0.0.1"])
    await Dialer(lambda *_: False, names, network).connect_tcp("v3.fal.media", 443)
    assert network.dialled == [("8.8.8.8", 443)]
    assert names.answers == [["127.0.0.1"]]


@pytest.mark.parametrize("bad", ["127.0.0.1", "169.254.169.254", "64:ff9b::a00:1", "::1"])
@pytest.mark.parametrize("first", [True, False])
async def test_one_bad_answer_spoils_all(bad: str, *, first: bool) -> None:
    """A mixed answer is refused whole, before anything is connected to."""
    network = Network()
    answer = [bad, "8.8.8.8"] if first else ["8.8.8.8", bad]
    with pytest.raises(Permanent, match="not public"):
        await Dialer(lambda *_: False, Names(answer), network).connect_tcp("v3.fal.media", 443)
    assert network.dialled == []


async def test_a_named_host_may_be_private_but_no_metadata_service() -> None:
    """IMAGE_HOSTS opens private addresses for the host and port it names, and never those that hand out credentials."""
    network = Network()
    dialer = Dialer(
        lambda host, port: (host, port) == ("nas", 80), Names(["10.0.0.7"], ["10.0.0.7"], ["169.254.169.254"]), network
    )
    await dialer.connect_tcp("nas", 80)
    assert network.dialled == [("10.0.0.7", 80)]
    with pytest.raises(Permanent):
        await dialer.connect_tcp("nas", 443)
    with pytest.raises(Permanent):
        await dialer.connect_tcp("nas", 80)


async def test_the_next_address_is_tried() -> None:
    """A host with a dead address is reached by its other one; all dead is Transient."""
    network = Network(dead=["2606:4700::1111"])
    dialer = Dialer(lambda *_: False, Names(["2606:4700::1111", "8.8.8.8"], ["2606:4700::1111"]), network)
    await dialer.connect_tcp("v3.fal.media", 443, timeout=1)
    assert network.dialled == [("2606:4700::1111", 443), ("8.8.8.8", 443)]
    with pytest.raises(Transient, match=r"v3\.fal\.media"):
        await dialer.connect_tcp("v3.fal.media", 443)


async def test_no_answer_is_no_permission() -> None:
    """An empty answer fails closed, and may be better tomorrow."""
    with pytest.raises(Transient):
        await Dialer(lambda *_: False, Names([]), Network()).connect_tcp("v3.fal.media", 443)


async def test_there_are_no_socket_files() -> None:
    """A download cannot be led to a socket on this machine's disk."""
    with pytest.raises(NotImplementedError):
        await Dialer(lambda *_: True).connect_unix_socket("/run/docker.sock")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_the_systems_resolver(address: str) -> None:
    """A literal address resolves to itself."""
    assert await resolve(address, 443) == [address]


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example", "\0"])
async def test_a_name_that_cannot_be_resolved_is_transient(host: str) -> None:
    """Whatever the resolver raises, it is ours."""
    with pytest.raises(Transient):
        await resolve(host, 443)
