"""A row that stands and was never called: its submitter died, and exactly one reconciler makes the call."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from receiver import acts, registry
from receiver.wire.orders import Order
from submitter import reconcile
from submitter.reconcile import Reconciler
from submitter.submit import Desk
from tests.submitter.desk import ALL, House, acknowledge, open_house, picture, say, script


async def _dies(*_arguments: Any) -> None:
    """A process that ends between the row and the call."""


async def _left(house: House, name: str, **order: Any) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Desk, "send", _dies)
        return await house.submit(name, **order)


@pytest.mark.parametrize("name", ALL)
async def test_an_unsent_job_is_sent(tmp_path: Path, name: str) -> None:
    """After 30 s the call is made, with the same parameters and pictures as the order had."""
    async with open_house(tmp_path, _no_news) as house:
        (tmp_path / "in.png").write_bytes(picture())
        order: dict[str, Any] = {"images": [tmp_path / "in.png"], "seed": 7, "aspect_ratio": "16:9", "safety": 2}
        extra = {"params": {"providerSettings": {"bfl": {"promptUpsampling": True}}}} if name == "runware" else {}
        await house.submit(name, **order, **extra)
        job_id = await _left(house, name, **order, **extra)
        house.clock.forward(30)
        await house.reconcile()

        assert house.row(job_id)["status"] == "submitted"
        first, second = (request for request in house.wire.requests if b"rompt" in request.content)
        assert _without_ours(first) == _without_ours(second)
        assert b"iVBORw0KGgo" in second.content


def _no_news(request: httpx.Request) -> httpx.Response:
    """Jobs are taken; about them nothing is known."""
    return acknowledge(request) if b"rompt" in request.content else say({}, 404)


def _without_ours(request: httpx.Request) -> Any:
    """A body without what differs from job to job."""
    body = json.loads(request.content)
    flat = body[0] if isinstance(body, list) else body
    return {
        key: value for key, value in flat.items() if key not in {"taskUUID", "webhookURL"} and "webhook_" not in key
    }


async def test_a_young_row_is_left_to_its_submitter(tmp_path: Path) -> None:
    """A row without a call is none of the reconciler's business for 30 s: its submitter may be about to call."""
    async with open_house(tmp_path) as house:
        await _left(house, "fal")
        house.clock.forward(29)
        await house.reconcile()

        assert (house.wire.requests, house.row()["called_at"]) == ([], None)


async def test_two_reconcilers_send_it_once(tmp_path: Path) -> None:
    """Of two reconcilers that find the same rows at the same moment, one makes each call."""
    async with open_house(tmp_path) as house, open_house(tmp_path, clock=house.clock) as other:
        ids = {await _left(house, "fireworks") for _ in range(5)}
        house.clock.forward(30)
        await asyncio.gather(house.reconcile(), other.reconcile(), house.reconcile(), other.reconcile())

        assert len(house.wire.requests) + len(other.wire.requests) == 5
        assert {house.row(job_id)["status"] for job_id in ids} == {"submitted"}


async def test_a_submitter_that_was_only_slow_does_not_send_again(tmp_path: Path) -> None:
    """A submitter that comes back after the reconciler made its call finds the call claimed."""
    async with open_house(tmp_path, script(acknowledge)) as house:
        send = Desk.send

        async def slow(*arguments: Any) -> None:
            house.clock.forward(30)
            with pytest.MonkeyPatch.context() as inner:
                inner.setattr(Desk, "send", send)
                await house.reconcile()
            await send(*arguments)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Desk, "send", slow)
            job_id = await house.submit("vtrix")

        assert (house.row(job_id)["status"], len(house.wire.requests)) == ("submitted", 1)


@pytest.mark.parametrize("name", ALL)
async def test_a_called_job_is_never_called_again(tmp_path: Path, name: str) -> None:
    """Called but unacknowledged: it may have been paid, so it is asked about where that is possible, never sent."""
    async with open_house(tmp_path, script(httpx.ReadTimeout("slow"), *(say({}) for _ in range(20)))) as house:
        await house.submit(name)
        for _ in range(20):
            house.clock.forward(150)
            await house.reconcile()

        assert sum(b"prompt" in request.content.lower() for request in house.wire.requests) == 1
        assert len(house.wire.requests) > 1 or name != "runware"


async def _ordered(house: House, name: str) -> str:
    """As a page or a program orders: a row for the reconciler to send."""
    return (await acts.order(house.road, registry.provider(name), Order(prompt="a donut")))[0]


async def test_an_order_is_sent_at_once_by_one_call(tmp_path: Path) -> None:
    """A row that was opened for the reconciler is called within a tick of nobody's clock, and never again."""
    stop = asyncio.Event()
    async with open_house(tmp_path, script(acknowledge)) as house:
        work = asyncio.create_task(Reconciler(house.desk).run(stop))
        async with asyncio.timeout(20), house.ledger.listening() as ear:
            job_id = await _ordered(house, "vtrix")
            while (row := house.row(job_id))["status"] != "submitted":
                await ear.changed(1)
        stop.set()
        await work
        assert (row["send_at"], len(house.wire.requests)) == (None, 1)


async def test_without_its_key_an_order_waits_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing key claims no call, stands in the row and once in the log, and holds up no other provider."""
    async with open_house(tmp_path) as house:
        monkeypatch.delenv("VTRIX_API_KEY")
        held, sent = await _ordered(house, "vtrix"), await _ordered(house, "runware")
        reconciler = Reconciler(house.desk)
        with structlog.testing.capture_logs() as logs:
            for _ in range(8):
                await reconciler.run_once()
                house.clock.forward(6)

        assert (house.row(held)["called_at"], house.row(sent)["status"]) == (None, "submitted")
        error = (await house.job(held)).error or {}
        assert error["code"] == "not_sent_yet"
        assert error["message"].startswith("VTRIX_API_KEY is not set; a job at Vtrix needs its key. Set it where")
        assert [line["job"] for line in logs if "cannot be sent yet" in line["event"]] == [held]
        monkeypatch.undo()
        house.clock.forward(10)
        await reconciler.run_once()
        assert ((await house.job(held)).status, (await house.job(held)).error) == ("submitted", None)
        assert len(house.wire.requests) == 2


async def test_a_provider_without_its_key_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many of its jobs wait, some of them are looked at in a pause; others' are sent a second later at most."""
    async with open_house(tmp_path) as house:
        monkeypatch.setattr(reconcile, "AT_ONCE", 3)
        monkeypatch.delenv("VTRIX_API_KEY")
        held = [await _ordered(house, "vtrix") for _ in range(7)]
        reconciler = Reconciler(house.desk)
        await reconciler.run_once()
        sent = await _ordered(house, "runware")
        for _ in range(5):
            house.clock.forward(1)
            await reconciler.run_once()
        jobs = [await house.job(job_id) for job_id in held]
        assert (house.row(sent)["status"], sum(bool(job.error) for job in jobs)) == ("submitted", 3)
        monkeypatch.setenv("VTRIX_API_KEY", "key")
        house.clock.forward(10)
        for _ in range(4):
            await Reconciler(house.desk).run_once()
        assert {(await house.job(job_id)).status for job_id in held} == {"submitted"}


async def test_a_provider_that_is_gone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job of a plug-in that is not installed where jobs are sent waits for it, and has the reason when it expires."""
    async with open_house(tmp_path) as house:
        job_id = await _ordered(house, "vtrix")
        with monkeypatch.context() as without:
            without.setattr(registry, "providers", dict)
            await house.reconcile()
        house.clock.forward(3600)
        await house.reconcile()

        error = (await house.job(job_id)).error or {}
        assert error["code"] == "never_sent"
        assert "nothing was paid: no provider vtrix is installed: install its plug-in where" in error["message"]


async def test_a_slow_provider_holds_up_no_other(tmp_path: Path) -> None:
    """While one provider does not answer, orders to the others go out."""
    stop, slow = asyncio.Event(), asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "api.runware.ai":
            await slow.wait()
        return acknowledge(request)

    async with open_house(tmp_path, answer) as house:
        work = asyncio.create_task(Reconciler(house.desk).run(stop))
        async with asyncio.timeout(20), house.ledger.listening() as ear:
            waiting = await _ordered(house, "runware")
            while not house.wire.requests:
                await ear.changed(1)
            quick = await _ordered(house, "vtrix")
            while house.row(quick)["status"] != "submitted":
                await ear.changed(1)
        assert house.row(waiting)["status"] == "pending"
        slow.set()
        stop.set()
        await work
        assert house.row(waiting)["status"] == "submitted"


async def test_a_job_whose_picture_is_gone_fails(tmp_path: Path) -> None:
    """What nobody can ever send has failed at once, and says why; it does not wait for its deadline."""
    async with open_house(tmp_path) as house:
        (tmp_path / "in.png").write_bytes(picture())
        job_id = await _left(house, "fal", images=[tmp_path / "in.png"])
        [file] = house.files()
        file.unlink()
        house.clock.forward(30)
        await house.reconcile()

        job = await house.job(job_id)
        assert (job.status, job.error and job.error["code"], house.wire.requests) == ("failed", "permanent", [])


async def test_an_unsent_job_past_its_deadline_is_not_sent(tmp_path: Path) -> None:
    """Nobody waits for it any more: it expires, and costs nothing."""
    async with open_house(tmp_path) as house:
        job_id = await _left(house, "vtrix")
        house.clock.forward(3600)
        await house.reconcile()

        assert ((await house.job(job_id)).status, house.wire.requests) == ("expired", [])
