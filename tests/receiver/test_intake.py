"""From what a person writes to an order: pictures, parameters, and the order kept and restored."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from receiver import intake
from receiver.errors import BadOrder, Permanent
from receiver.intake import digest, kept, light, parameters, picture, restored
from receiver.storage.folder import Folder
from receiver.wire.orders import InputImage, Order
from tests.submitter import desk

PNG = desk.picture()
URI = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
URL = "https://pictures.example.test/kitchen.png?size=1"


def test_a_url_is_not_fetched() -> None:
    """An address is the provider's to fetch: it goes out unchanged."""
    assert picture(URL) == InputImage(url=URL)


def test_a_data_uri_is_its_bytes() -> None:
    """A data URI is decoded, and known by its bytes and not by what it says."""
    assert picture(URI.replace("image/png", "image/jpeg")) == InputImage(data=PNG, media_type="image/png")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("data:image/png,rawbytes", "must be base64"),
        ("data:image/png;base64", "must be base64"),
        ("data:image/png;base64,%%%", "base64 is damaged"),
        ("data:image/png;base64,aGVsbG8=", "the data URI: not a JPEG, PNG or WebP picture"),
        (URI, "the data URI: larger than 20 MB"),
        ("kitchen.png", "write a URL"),
        ("file:///etc/passwd", "write a URL"),
        ("/etc/passwd", "write a URL"),
        ("", "write a URL"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_picture_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, sentence: str
) -> None:
    """What is damaged, too large or no picture is refused in words; a file is not opened, however it is named."""
    monkeypatch.chdir(tmp_path)
    Path("kitchen.png").write_bytes(PNG)
    if source == URI:
        monkeypatch.setattr(intake, "MOST_IMAGE_BYTES", len(PNG) - 1)

    with pytest.raises(BadOrder) as refusal:
        picture(source)
    assert sentence in str(refusal.value)


def test_parameters_nest_and_read_as_json() -> None:
    """Dots nest; what reads as JSON is its value, anything else is text, an `=` in it included."""
    pairs = ["a.b=1", "a.c.d=true", "e=null", "f=[1, 2]", "g=text", "h=", "i=x=y", 'j="7"', "k=1.5", "a.c.e=-0"]

    assert parameters(pairs) == {
        "a": {"b": 1, "c": {"d": True, "e": 0}},
        "e": None, "f": [1, 2], "g": "text", "h": "", "i": "x=y", "j": "7", "k": 1.5,
    }  # fmt: skip


def test_a_group_may_be_given_as_json_and_added_to() -> None:
    """`a={"b": 1}` and `a.c=2` are one group."""
    assert parameters(['a={"b": 1}', "a.c=2"]) == {"a": {"b": 1, "c": 2}}


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        (["seed"], "-p seed: write key=value"),
        (["=1"], "-p =1: write key=value"),
        (["a=1", "a=2"], "-p a: given twice"),
        (["a.b=1", "a.b=2"], "-p a.b: given twice"),
        (["a=1", "a.b=2"], "a is given as a value and as a group"),
        (["a.b=1", "a=2"], "-p a: given twice"),
        (["a.b=1", "a.b.c=2"], "b is given as a value and as a group"),
    ],
)
def test_parameters_that_contradict_are_refused(pairs: list[str], sentence: str) -> None:
    """Neither of two values for one name silently wins."""
    with pytest.raises(BadOrder) as refusal:
        parameters(pairs)
    assert sentence in str(refusal.value)


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000, "{"])
def test_a_value_that_is_no_json_is_text(text: str) -> None:
    """JSON too deep or too long to read is text, for the provider's rules to refuse; it is no crash."""
    assert parameters([f"a={text}"]) == {"a": text}


ORDER = Order(
    prompt="a donut",
    images=(
        InputImage(data=PNG, media_type="image/png", name="kitchen.png"),
        InputImage(url=URL),
        InputImage(data=desk.picture("red"), media_type="image/png"),
    ),
    seed=2**64 - 1, aspect_ratio="16:9", output_format="png", count=3, safety=0, upsample=False, model="m",
    upload=True, extra={"a": {"b": [1, None, "é"]}},
)  # fmt: skip


@pytest.mark.parametrize("order", [ORDER, Order(), Order(prompt="")])
async def test_an_order_that_was_kept_can_be_restored(tmp_path: Path, order: Order) -> None:
    """Through JSON and storage and back: file, URL and data URI, every option, whatever it is."""
    storage = Folder(tmp_path)

    written = json.loads(json.dumps(await kept(order, storage)))

    assert await restored(written, storage) == order


async def test_a_kept_order_holds_no_picture(tmp_path: Path) -> None:
    """Pictures stand in storage by their hash, and in the order by name only."""
    written = json.dumps(await kept(ORDER, Folder(tmp_path)))

    assert base64.b64encode(PNG).decode()[:40] not in written
    assert len(written) < 1000


async def test_a_picture_that_is_gone_is_permanent(tmp_path: Path) -> None:
    """An order whose picture is not in storage any more cannot be restored."""
    written = await kept(ORDER, Folder(tmp_path / "one"))

    with pytest.raises(Permanent):
        await restored(written, Folder(tmp_path / "two"))


async def test_orders_differ_by_their_digest(tmp_path: Path) -> None:
    """Every part of an order counts, the pictures' bytes too; the order of its keys does not."""
    storage = Folder(tmp_path)
    others: list[dict[str, Any]] = [
        {"prompt": "b"}, {"seed": 1}, {"count": 2}, {"extra": {"a": 1}}, {"images": ORDER.images}, {"upload": True},
    ]  # fmt: skip
    digests = {digest(await kept(Order(**other), storage)) for other in [{}, *others]}

    assert len(digests) == len(others) + 1
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize("head", ["", "data:image/x;base64,"])
def test_light_parameters_hold_no_picture(form: str, head: str) -> None:
    """A picture, as bare base64 or as a data URI, however small and however deep, is its length and its hash."""
    text = head + base64.b64encode(desk.picture(form=form)).decode()

    shown = light({"input_image": text, "inputs": {"referenceImages": [text, URL]}})

    assert text not in str(shown)
    assert shown["input_image"].startswith(f"<{len(text)} characters, sha256 ")
    assert shown["inputs"]["referenceImages"] == [shown["input_image"], URL]


@pytest.mark.parametrize(
    "value",
    ["a donut", "", "x" * 10_000, URL, 7, None, True, 1.5, "iVBORw0KGgo is how a PNG begins", "R0lGODdh is too"],
)
def test_light_parameters_keep_what_people_wrote(value: object) -> None:
    """Prompts, addresses and numbers are shown as they are."""
    assert light({"a": value, "b": [value], "c": {"d": value}}) == {"a": value, "b": [value], "c": {"d": value}}
