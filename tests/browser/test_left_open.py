"""The page of one job, left open: it becomes what it would be if it were loaded anew, and disturbs nobody who reads."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from receiver.audit.seal import open_sealer
from tests.browser.chromium import Watch, violations
from tests.browser.conftest import Windows
from tests.browser.still import Still, standing
from tests.receiver.pages.seeding import Seed


async def empty(_seed: Seed) -> dict[str, str]:
    return {}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Still]:
    """One in which nothing happens but what a test does."""
    with standing(tmp_path_factory.mktemp("open"), empty) as house:
        yield house


def opened(house: Still, page: Page) -> str:
    """The page shows a new job that waits; its id."""
    job_id = house.does(house.seed.opened())
    page.goto(f"/jobs/{job_id}")
    expect(page.locator("h1")).to_contain_text("waiting")
    return job_id


def sealed(house: Still) -> None:
    house.does(open_sealer(house.road.ledger, house.road.settings, house.clock).work())


def test_from_waiting_to_the_picture_and_its_proof(house: Still, signed_in: Windows) -> None:
    """Callback, picture and proof come by themselves; the focus and what was opened stay; each is said once."""
    page = signed_in(house, viewport={"width": 1280, "height": 400})
    job_id = opened(house, page)
    line = page.locator("[data-mark]")
    expect(line).to_contain_text("Connected")
    page.get_by_text("The same as a command").click()
    page.evaluate(
        """() => {
            window.same = document.activeElement;
            window.said = [];
            new MutationObserver(() => said.push(document.querySelector('[data-mark]').textContent))
                .observe(document.querySelector('[data-mark]'), {childList: true, characterData: true});
        }"""
    )
    house.does(house.seed.came(job_id))
    expect(page.locator("h1")).to_contain_text("collecting")
    expect(page.locator("#deliveries .delivery")).to_have_count(1)
    summary = page.locator("#deliveries summary").first
    summary.click()
    house.does(house.seed.stale(job_id))
    expect(page.locator("#deliveries .delivery")).to_have_count(2)
    expect(page.locator("#deliveries li:last-child details")).to_have_attribute("open", "")
    expect(page.locator("#deliveries li:first-child details")).not_to_have_attribute("open", "")
    house.does(house.seed.stored(job_id))
    picture = page.locator("figure img")
    expect(picture).to_be_visible()
    assert picture.evaluate("it => it.decode().then(() => it.naturalWidth)") > 0
    sealed(house)
    expect(page.locator("#evidence .entries > li").first).to_be_visible()
    assert page.evaluate("document.activeElement.textContent.startsWith('Why it was') && same.parentElement.open")
    assert page.evaluate("said") == [f"This job has moved on: {word}." for word in ("collecting", "delivered")]
    assert violations(page) == []


def test_no_move_is_missed(house: Still, signed_in: Windows) -> None:
    """What happens after the page was made and before the line is open is shown all the same."""
    page, held = signed_in(house), list[Route]()
    page.route("**/events*", lambda it: held.append(it))  # noqa: PLW0108  it wants a function of its own
    with page.expect_request("**/events*"):
        job_id = opened(house, page)
    house.does(house.seed.came(job_id))
    house.does(house.seed.stored(job_id))
    held[0].continue_()
    expect(page.locator("h1")).to_contain_text("delivered")


def answering(page: Page, address: str, status: int, body: str) -> None:
    """The next request there is answered so."""
    page.route(address, lambda it: it.fulfill(status=status, body=body, content_type="text/html"), times=1)


def test_what_is_no_page_of_the_job_is_not_shown(house: Still, signed_in: Windows, watches: list[Watch]) -> None:
    """An error and the door change nothing; it is asked for again after a rest, and then shown."""
    page = signed_in(house)
    watches[-1].forgive("status of 503")
    job_id = opened(house, page)
    deeds: tuple[Callable[[], object], ...] = (
        lambda: house.does(house.seed.came(job_id)),
        lambda: page.clock.run_for(10_000),
    )
    answers = (503, "<main><p data-mark='x'>oh</p></main>"), (200, page.request.get("/sign-in").text())
    for deed, (status, body) in zip(deeds, answers, strict=True):
        answering(page, f"**/jobs/{job_id}", status, body)
        with page.expect_response(f"**/jobs/{job_id}"):
            deed()
        expect(page.locator("h1")).to_contain_text("waiting")
    page.clock.run_for(10_000)
    expect(page.locator("h1")).to_contain_text("collecting")
