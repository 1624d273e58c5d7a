"""One job down the whole road in this process: recorded as the receiver does it, its image marked as stored."""

import asyncio
import os
from unittest.mock import patch

import httpx
from sqlalchemy import select, update

from benchmarks import signing
from receiver.app import create_app
from receiver.ledger import tables
from receiver.ledger.database import connect
from receiver.log import configure
from receiver.settings import load

JOB = signing.job_id("fireworks", 0)


def deliver_one(url: str) -> None:
    """Job number 0 of Fireworks: its secret is derived, so that no key server is needed."""
    asyncio.run(_deliver(url))
    engine = connect(url, write=True)
    with engine.begin() as connection:
        held = {"sha256": "0" * 64, "media_type": "image/png", "width": 832, "height": 832, "bytes": 2 * 10**6}
        connection.execute(update(tables.image).where(tables.image.c.job_id == JOB).values(held))
        connection.execute(tables.task.delete().where(tables.task.c.job_id == JOB))
        done = {"status": "delivered", "standing": 70}
        connection.execute(update(tables.job).where(tables.job.c.id == JOB).values(done))
        assert connection.execute(select(tables.delivery.c.id).where(tables.delivery.c.job_id == JOB)).first()
    engine.dispose()


async def _deliver(url: str) -> None:
    configure("json", "error")
    own = {"PROOFHOOK_SECRET": signing.OWN_KEY, "ADMIN_TOKEN": signing.OWN_KEY}
    with patch.dict(os.environ, own):
        app = create_app(load(database_url=url, storage_url="memory:"))
    head, _, body = signing.fireworks(0, "http://127.0.0.1:9").partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1") as sender:
        (await sender.post(first.split(" ")[1], headers=headers, content=body)).raise_for_status()
    await app.aclose()
