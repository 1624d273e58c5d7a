import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.errors import Misconfigured, Permanent
from receiver.guard import Rules, Target

FAL = ("fal.media", "*.fal.media")
RULES = Rules(["localhost:8123", "images.example", "[::1]:9000", "10.0.0.7"])


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://fal.media/a/b.png", Target("https", "fal.media", 443, "/a/b.png")),
        ("HTTPS://V3.Fal.Media/A?sig=%2F&x=a@b:c#part", Target("https", "v3.fal.media", 443, "/A?sig=%2F&x=a@b:c")),
        ("https://a.b.fal.media", Target("https", "a.b.fal.media", 443, "/")),
        ("https://fal.media?x=1", Target("https", "fal.media", 443, "/?x=1")),
        ("https://fal.media:443/user:pass@here", Target("https", "fal.media", 443, "/user:pass@here")),
        ("http://localhost:8123/x", Target("http", "localhost", 8123, "/x")),
        ("https://localhost:8123/x", Target("https", "localhost", 8123, "/x")),
        ("http://images.example/x", Target("http", "images.example", 80, "/x")),
        ("https://images.example/x", Target("https", "images.example", 443, "/x")),
        ("http://[::1]:9000/x", Target("http", "::1", 9000, "/x")),
        ("http://10.0.0.7/x", Target("http", "10.0.0.7", 80, "/x")),
    ],
)
def test_what_may_be_fetched(url: str, target: Target) -> None:
    """The provider's hosts by https, and those that IMAGE_HOSTS names on the ports it names."""
    assert RULES.target(url, FAL) == target


@pytest.mark.parametrize(
    "url",
    [
        "http://v3.fal.media/x",  # plain http
        "http://v3.fal.media:443/x",
        "https://v3.fal.media:8443/x",  # another port
        "https://evilfal.media/x",
        "https://fal.media.evil.example/x",
        "https://.fal.media/x",
        "https://fal.media./x",
        "https://evil.example/fal.media",
        "https://localhost/x",  # named for another port only
        "http://images.example:8080/x",
        "http://[::1]:9001/x",
        "https://user@fal.media/x",
        "https://user:pass@fal.media/x",
        "https://fal.media@evil.example/x",
        "https://fal.media:443@evil.example/x",
        "https://evil.example\\@fal.media/x",
        "https://fal.media\\.evil.example/x",
        "https://fal.media/x\\..\\y",
        "https://fal.media%2eevil.example/x",
        "https://%66al.media/x",
        "https://fal\u3002media/x",
        "https://fal.med\u0131a/x",
        "https://\u212aal.media/x",
        "https://v\u017f.fal.media/x",
        "https://127.0.0.1/x",
        "https://2130706433/x",
        "https://0x7f.1/x",
        "https://[::ffff:10.0.0.7]/x",
        "https://[fe80::1%25eth0]/x",
        "https:///x",
        "https:fal.media/x",
        "//fal.media/x",
        "/x",
        "",
        "ftp://fal.media/x",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        " https://fal.media/x",
        "https://fal.media/x\r\nHost: evil.example",
        "https://fal.media/a b",
        "https://fal.media/\u00e4",
        "https://fal.media:/x",
        "https://fal.media:0443443/x",
        "https://fal.media/" + "x" * 9000,
        "https://" + "a" * 64 + ".fal.media/x",
    ],
)
def test_what_may_not(url: str) -> None:
    """Other hosts, schemes, ports and every way of making a URL look like another are Permanent."""
    with pytest.raises(Permanent):
        RULES.target(url, FAL)


def test_a_refusal_shows_no_path_and_no_query() -> None:
    """A result URL may carry its own signature: messages name the host at most."""
    for url in ("https://evil.example/secret?sig=secret", "http://fal.media/secret", "https://u:secret@fal.media/"):
        with pytest.raises(Permanent) as caught:
            RULES.target(url, FAL)
        assert "secret" not in str(caught.value)
    assert "secret" not in repr(RULES.target("https://fal.media/secret?secret", FAL))


@pytest.mark.parametrize(
    "entry", ["", "*", "*.fal.media", "http://localhost", "a b", "h:0", "h:65536", "::1", "u@h", "h/"]
)
def test_a_junk_entry_is_misconfigured(entry: str) -> None:
    """IMAGE_HOSTS opens doors to private networks: no wildcards, nothing that could be read two ways."""
    with pytest.raises(Misconfigured, match=r"^IMAGE_HOSTS: "):
        Rules(["good.example", entry])


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/b", "https://fal.media/b"),
        ("b?x=1", "https://fal.media/a/b?x=1"),
        ("//other.example/b", "https://other.example/b"),
        ("http://other.example", "http://other.example"),
    ],
)
def test_a_location_is_read_from_where_it_was_given(location: str, url: str) -> None:
    """Relative redirects are resolved against the hop that sent them."""
    assert Target("https", "fal.media", 443, "/a/x?sig=1").join(location) == url


def test_a_location_that_is_no_url_is_ours() -> None:
    """What the standard library cannot join is Permanent, not a ValueError."""
    with pytest.raises(Permanent):
        Target("https", "fal.media", 443, "/").join("http://[junk/")


@given(st.text(max_size=80), st.text(max_size=80))
def test_junk_never_breaks_it(url: str, location: str) -> None:
    """Any text is a target on the list, or Permanent."""
    for text in (url, f"https://{url}", f"https://fal.media{url}"):
        try:
            target = RULES.target(text, FAL)
            assert target.host.endswith("fal.media") or RULES.names(target.host, target.port)
            RULES.target(target.join(location), FAL)
        except Permanent:
            pass
