from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from receiver.ledger.views import ImageView, JobView, PurgeView
from receiver.pages import sentences, signs, timeline
from tests.receiver.pages.seeding import T0

SECOND = timedelta(seconds=1)
IMAGE = ImageView(
    1, "0", "stored", "a" * 64, "image/png", 64, 48, 137, None, None, "download", T0 + 3 * SECOND, None, 0, None
)
DEAD = replace(IMAGE, n=2, state="dead", sha256=None, stored_at=None, error="403")


def job(status: str, images: tuple[ImageView, ...] = (), **given: Any) -> JobView:
    facts: dict[str, Any] = {
        "id": "job", "provider": "fal", "model": "m", "status": status, "request_id": "r", "created_at": T0,
        "submitted_at": T0 + SECOND, "finished_at": None, "delivered_at": None, "deadline_at": T0 + 60 * SECOND,
        "params": {}, "order": {}, "tags": {}, "expected": 2, "upload": False, "error": None, "cost_usd": None,
    }  # fmt: skip
    return JobView(**{**facts, "images": images, **given})


DONE: dict[str, Any] = {"finished_at": T0 + 2 * SECOND}


@pytest.mark.parametrize(("which", "said"), [
    (job("pending"), "Ordered 5.00 s ago, and fal has not taken it yet. If nothing comes, it expires in 55 s."),
    (job("submitted"), "fal has been at it for 5.00 s. If nothing comes, it expires in 55 s."),
    (job("submitted", deadline_at=T0), (
        "fal has been at it for 5.00 s. Its deadline has passed: unless it is heard of now, it expires."
    )),
    (job("succeeded", (IMAGE,), **DONE), "fal is done; 1 of 2 images is here, and the rest is being collected."),
    (job("succeeded", (IMAGE, DEAD), **DONE), (
        "fal is done, but 1 of 2 images is here: the rest is a dead letter, and waits for a retry."
    )),
    (job("delivered", (IMAGE, IMAGE), **DONE, delivered_at=T0 + 3 * SECOND), (
        "All 2 images are stored, hashed and checked, 3.00 s after the order."
    )),
    (job("failed", (IMAGE,), **DONE), "It failed after 2.00 s. What came before is kept: 1 image."),
    (job("expired", **DONE), "It expired after 2.00 s. No image came."),
    (job("cancelled", **DONE), "It was cancelled after 2.00 s. No image came."),
])  # fmt: skip
def test_every_status_has_its_sentence(which: JobView, said: str) -> None:
    """A job's page says in words what is true now."""
    assert sentences.of_job(which, T0 + 5 * SECOND) == said


@pytest.mark.parametrize(("out", "said"), [
    ([], "No job is out: everything that was asked for has come to an end."),
    ([job("pending")], "1 job is out, the oldest for 5.00 s."),
    ([job("pending"), job("succeeded", (DEAD,))], (
        "2 jobs are out, the oldest for 5.00 s. 1 job cannot go on without you: an image is a dead letter."
    )),
    ([job("pending")] * 3, "More than 2 jobs are out."),
])  # fmt: skip
def test_the_first_page_counts_what_is_out(out: list[JobView], said: str) -> None:
    """Exact as long as all of them were looked at; beyond that, no number is claimed."""
    assert sentences.of_jobs(out, T0 + 5 * SECOND, 3) == said


def test_the_prompt_is_found_in_every_providers_words() -> None:
    """The order's own word first, then the provider's; what is no text is no prompt."""
    assert sentences.prompt(job("pending", order={"prompt": "a"}, params={"prompt": "b"})) == "a"
    assert sentences.prompt(job("pending", params={"positivePrompt": "c", "prompt": 7})) == "c"
    assert not sentences.prompt(job("pending"))


def test_cause_stands_before_effect() -> None:
    """Steps of the same moment keep the order in which one leads to the other, and take no time."""
    at = T0 + 2 * SECOND
    found = timeline.steps(
        job("delivered", (replace(IMAGE, stored_at=at),), submitted_at=at, finished_at=at, delivered_at=at)
    )
    assert [step.word for step in found] == ["created", "submitted", "finished", "stored", "delivered"]
    assert [step.took for step in found] == [None, 2 * SECOND, *[timedelta(0)] * 3]


def test_a_purge_stands_at_the_end() -> None:
    """Behind all that happened before it."""
    gone = PurgeView(T0 + 40 * 86400 * SECOND, "by hand", done=True)
    last = timeline.steps(job("delivered", (IMAGE,), **DONE, delivered_at=T0 + 3 * SECOND, purged=gone))[-1]
    assert (last.word, last.note, last.took) == ("purged", "by hand", gone.at - T0 - 3 * SECOND)


def test_a_picture_that_came_after_a_purge_is_here() -> None:
    """Until the next one takes it; those of before are not, and what never came is none."""
    before = replace(IMAGE, stored_at=T0 + SECOND)
    gone = PurgeView(T0 + 2 * SECOND, "by hand", done=True)
    assert job("failed", (before, IMAGE, DEAD)).pictures == (before, IMAGE)
    assert job("failed", (before, IMAGE, DEAD), purged=gone).pictures == (IMAGE,)


def test_a_sign_is_never_a_colour_alone() -> None:
    """Every status has a glyph and a word, and one that is not known yet is shown as it is."""
    for sign in (*signs.STATUS.values(), *signs.BELIEVED.values(), signs.DEAD, signs.HELD):
        assert sign.glyph in "●◐○▲■"
        assert sign.word
    assert signs.job_sign(job("another")).word == "another"


@pytest.mark.parametrize(("width", "height", "name"), [
    (1392, 752, "wide"), (1024, 1024, "square"), (880, 1184, "tall"), (640, 2240, "tower"), (None, None, "square"),
])  # fmt: skip
def test_a_tall_picture_is_kept_within_the_window(width: int | None, height: int | None, name: str) -> None:
    """The frame follows from the ratio alone."""
    assert signs.frame(replace(IMAGE, width=width, height=height)) == name
