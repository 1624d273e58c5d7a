"""HTML for people: what is true now, jobs, deliveries, evidence, setup. Signed in; a script only keeps it current."""

from starlette.routing import BaseRoute, Route

from receiver.api.stream import Stream
from receiver.pages import actions, came_in, door, files, live, ordering, rooms, views
from receiver.pages.bundles import Bundles
from receiver.pages.checkup import Checkup
from receiver.pages.forms import order_fields
from receiver.pages.gate import Lobby, acting, anyone, signed_in
from receiver.pages.render import Painter
from receiver.pages.throttle import Throttle
from receiver.road import Road

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def page_routes(road: Road, stream: Stream) -> list[BaseRoute]:
    """Every page; the last route answers for every address that nothing else has.

    Raises Misconfigured where no ADMIN_TOKEN can be had, as nobody could be let in, and where VIEWER_TOKEN is the same.
    """
    _ = road.settings.admin, road.settings.viewer
    lobby = Lobby(road, Painter(road), Throttle(), stream)
    bundles = Bundles()
    return [
        Route("/", signed_in(lobby, rooms.now)),
        Route("/events", signed_in(lobby, live.events)),
        Route("/evidence", signed_in(lobby, rooms.evidence)),
        Route("/setup", signed_in(lobby, Checkup().page)),
        Route("/setup/{provider}/test", acting(lobby, ordering.test), methods=["POST"]),
        Route("/jobs", signed_in(lobby, views.jobs)),
        Route("/jobs/new", signed_in(lobby, ordering.blank)),
        Route("/jobs/new", acting(lobby, ordering.place, order_fields), methods=["POST"]),
        Route("/jobs/{id}", signed_in(lobby, views.job)),
        Route("/jobs/{id}/images/{n}", signed_in(lobby, files.image)),
        Route("/jobs/{id}/images/{n}/thumbnail", signed_in(lobby, files.thumbnail)),
        Route("/jobs/{id}/inputs/{n}", signed_in(lobby, files.input_image)),
        Route("/jobs/{id}/reveals", signed_in(lobby, bundles.page)),
        Route("/jobs/{id}/bundle", signed_in(lobby, bundles.file)),
        Route("/jobs/{id}/retry", acting(lobby, actions.retry), methods=["POST"]),
        Route("/jobs/{id}/cancel", acting(lobby, actions.cancel), methods=["POST"]),
        Route("/deliveries", signed_in(lobby, came_in.deliveries)),
        Route("/deliveries/{id}", signed_in(lobby, came_in.delivery)),
        Route("/deliveries/{id}/redeliver", acting(lobby, actions.redeliver), methods=["POST"]),
        Route("/sign-in", anyone(lobby, door.show_door)),
        Route("/sign-in", anyone(lobby, door.open_door), methods=["POST"]),
        Route("/sign-out", signed_in(lobby, door.leave), methods=["POST"]),
        Route("/static/{file}", anyone(lobby, files.static)),
        Route("/{path:path}", anyone(lobby, files.nothing), methods=METHODS),
    ]
