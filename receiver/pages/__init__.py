"""HTML for people: jobs, one job with its pictures, and everything that came in. Signed in, and without scripts."""

from starlette.routing import BaseRoute, Route

from receiver.pages import door, files, views
from receiver.pages.gate import Lobby, anyone, signed_in
from receiver.pages.render import Painter
from receiver.pages.throttle import Throttle
from receiver.road import Road

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def page_routes(road: Road) -> list[BaseRoute]:
    """Every page; the last route answers for every address that nothing else has.

    Raises Misconfigured where no ADMIN_TOKEN can be had: then nobody could be let in.
    """
    _ = road.settings.admin
    lobby = Lobby(road, Painter(road), Throttle())
    return [
        Route("/", signed_in(lobby, views.jobs)),
        Route("/jobs/{id}", signed_in(lobby, views.job)),
        Route("/jobs/{id}/images/{n}", signed_in(lobby, files.image)),
        Route("/deliveries", signed_in(lobby, views.deliveries)),
        Route("/sign-in", anyone(lobby, door.show_door)),
        Route("/sign-in", anyone(lobby, door.open_door), methods=["POST"]),
        Route("/sign-out", signed_in(lobby, door.leave), methods=["POST"]),
        Route("/static/{file}", anyone(lobby, files.static)),
        Route("/{path:path}", anyone(lobby, files.nothing), methods=METHODS),
    ]
