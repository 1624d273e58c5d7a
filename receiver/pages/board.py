"""What the page Now shows, as plain values: the page is filled in with them, and so is every change sent to it.

One place says how things are put: a page that has stood open for hours reads like one that was just loaded. Pure.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from receiver.ledger.now_reading import Minute, NowView, Speed
from receiver.ledger.shapes import moment
from receiver.ledger.views import JobView
from receiver.pages import plot, words
from receiver.pages.sentences import prompt
from receiver.pages.signs import job_sign

MOST_PICTURES = 12
Shown = dict[str, Any]


def board(view: NowView, stuck: Iterable[JobView], now: datetime, at: str) -> Shown:
    """`at` is the prefix that we are mounted under, `stuck` the newest jobs with a dead letter."""
    drawn = plot.draw(view.minutes)
    return {
        "at": moment(now),
        "out": _out(view),
        "begun": "yes" if view.latest or view.waiting or view.collecting or any(drawn.totals.values()) else "",
        "oldest": _time(view.oldest_out, now),
        "care": _care(view),
        "counts": _counts(view),
        "none": {name: "yes" if count == "0" else "no" for name, count in _counts(view).items()},
        "plot": {"says": drawn.says, "top": _per_minute(drawn.top), "width": drawn.width, **drawn.shapes},
        "totals": {verdict: f"{count:,}" for verdict, count in drawn.totals.items()},
        "minutes": [_minute(each) for each in reversed(view.minutes) if each.recorded + each.duplicate + each.refused],
        "speeds": [_speed(each) for each in view.seconds],
        "soonest": _soonest(view, now, at),
        "queue": _over(view, "queue") + words.many(view.queue, "image waits", "images wait") if view.queue else "empty",
        "checkpoint": _checkpoint(view, now),
        "stuck": [_stuck(job, at) for job in stuck],
        "latest": [_picture(job, now, at) for job in view.latest[:MOST_PICTURES] if job.pictures],
    }


def _out(view: NowView) -> str:
    out = view.waiting + view.collecting
    if not out:
        return "No job is out: everything that was asked for has come to an end"
    return f"{_over(view, 'waiting', 'collecting').capitalize()}{words.many(out, 'job is', 'jobs are')} out"


def _care(view: NowView) -> str:
    if view.dead:
        letters = words.many(view.dead, "dead letter waits", "dead letters wait")
        return f"{_over(view, 'dead').capitalize()}{letters} for you: see below."
    if view.soonest:
        return "One picture expires soon and is being fetched."
    if view.queue:
        return f"{_over(view, 'queue').capitalize()}{words.many(view.queue, 'image is', 'images are')} being fetched."
    return "Every image that was announced is stored." if view.delivered else ""


def _counts(view: NowView) -> dict[str, str]:
    names = ("delivered", "collecting", "waiting", "refused", "failed", "expired", "dead")
    return {name: f"{_over(view, name)}{getattr(view, name):,}" for name in names}


def _over(view: NowView, *names: str) -> str:
    """The words before a count that was not made to its end."""
    return "more than " if set(names) & set(view.more) else ""


def _per_minute(top: int) -> str:
    return f"{top:,} a minute"


def _minute(each: Minute) -> Shown:
    numbers = {name: f"{getattr(each, name):,}" for name in plot.STACK}
    return {"key": moment(each.at), "at": {**_moment(each.at), "says": f"{each.at:%H:%M} UTC"}, **numbers}


def _speed(each: Speed) -> Shown:
    return {
        "key": each.provider,
        "provider": each.provider,
        "median": _seconds(each.median_seconds),
        "count": words.many(each.count, "job"),
    }


def _seconds(seconds: float) -> str:
    """Always in seconds, so that providers stand below one another."""
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds:,.0f} s"  # noqa: PLR2004


def _soonest(view: NowView, now: datetime, at: str) -> Shown | None:
    it = view.soonest
    if it is None:
        return None
    return {
        "href": f"{at}/jobs/{it.job_id}",
        "id": words.short(it.job_id),
        "provider": f"{it.provider}, image {it.n}",
        "at": {**_moment(it.expires_at), "says": left(it.expires_at, now)},
    }


def _checkpoint(view: NowView, now: datetime) -> Shown | None:
    if view.checkpoint is None:
        return None
    made_at, entries = view.checkpoint
    waiting = f"; {words.many(view.unsealed, 'entry waits', 'entries wait')} to be sealed" if view.unsealed else ""
    return {"at": _time(made_at, now), "entries": f"{words.many(entries, 'entry', 'entries')}{waiting}"}


def _stuck(job: JobView, at: str) -> Shown:
    said = next((image.error for image in job.images if image.state == "dead" and image.error), "out of attempts")
    return {
        "key": job.id,
        "href": f"{at}/jobs/{job.id}",
        "id": words.short(job.id),
        "provider": job.provider,
        "says": words.clip(said, 160),
    }


def _picture(job: JobView, now: datetime, at: str) -> Shown:
    cover, sign = job.pictures[0], job_sign(job)
    there = f"{at}/jobs/{job.id}"
    return {
        "key": job.id,
        "href": there,
        "src": f"{there}/images/{cover.n}/thumbnail?v={(cover.sha256 or '')[:8]}",
        "width": cover.width,
        "height": cover.height,
        "glyph": sign.glyph,
        "word": sign.word,
        "words": words.clip(prompt(job) or job.model, 120),
        "provider": job.provider,
        "at": _time(job.delivered_at or job.created_at, now),
    }


def left(at: datetime, now: datetime) -> str:
    """A countdown: 3:10, 1:02:03, and in a word when it is over."""
    seconds = int((at - now).total_seconds())
    if seconds <= 0:
        return "over"
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def _time(at: datetime | None, now: datetime) -> Shown | None:
    return None if at is None else {**_moment(at), "says": words.ago(at, now)}


def _moment(at: datetime) -> Shown:
    return {"at": moment(at), "exact": words.exact(at)}
