"""The setup page: what each provider did, and on request what the doctor finds."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from receiver import registry
from receiver.doctor import Check, checks
from receiver.pages.gate import Lobby
from receiver.pages.ordering import destinations, nonce
from receiver.pages.session import Session
from receiver.pages.setting_up import correspondence, reach
from receiver.pages.signs import Sign

GOOD_FOR = timedelta(seconds=30)
"""The doctor calls our own address and key servers: however often a page is loaded, not more often than this."""
SIGNS = {
    "bad": Sign("▲", "bad", "refused"),
    "unknown": Sign("○", "unknown", "waiting"),
    "good": Sign("●", "good", "delivered"),
}
"""What a check came to → how it is shown; in this order."""


class Checkup:
    """One for the process: what was found is held for a while, and nobody looks while another does."""

    def __init__(self) -> None:
        self._one = asyncio.Lock()
        self._held: tuple[datetime, Sequence[Check]] | None = None

    async def page(self, lobby: Lobby, request: Request, session: Session) -> Response:
        """Per provider what came and what was refused, and the address under which they reach us."""
        providers = sorted(registry.providers().values(), key=lambda each: each.name)
        letters = await asyncio.gather(*(correspondence(lobby.road.ledger, each) for each in providers))
        looked_at, found = await self._look(lobby) if "check" in request.query_params else (None, ())
        public = lobby.settings.public
        return lobby.painter.page(
            request, "setup.html", session,
            destinations={each.provider.name: each for each in destinations(lobby.settings)}, once=nonce(),
            letters=letters, public=public, reach=reach(public), looked_at=looked_at, found=found, signs=SIGNS,
        )  # fmt: skip

    async def _look(self, lobby: Lobby) -> tuple[datetime, Sequence[Check]]:
        async with self._one:
            now = lobby.now()
            if self._held is None or not timedelta(0) <= now - self._held[0] < GOOD_FOR:
                found = await checks(lobby.settings, lobby.road.ledger, lobby.road.storage)
                order = list(SIGNS)
                self._held = now, sorted(found, key=lambda check: order.index(check.state))
            return self._held
