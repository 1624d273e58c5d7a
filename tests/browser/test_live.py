"""A job from the order to the proof, in a real house: seen, found, opened, carried away, and mended."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.chromium import Watch, overflow, violations
from tests.browser.conftest import Windows
from tests.browser.live import VIEWER, Live
from tests.submitter.processes import eventually


def loaded(page: Page, picture: str) -> None:
    """The picture is there and decodes."""
    image = page.locator(picture).first
    expect(image).to_be_visible()
    assert image.evaluate("it => it.decode().then(() => it.naturalWidth)") > 0


def has(page: Page, what: str) -> bool | None:
    """Whether it is on the page, loaded anew."""
    page.reload()
    return page.locator(what).count() == 1 or None


def test_a_job_arrives_before_ones_eyes(live: Live, signed_in: Windows) -> None:
    """Now shows a job go from waiting to its picture, and is not reloaded for it."""
    page = signed_in(live)
    page.goto("/")
    page.evaluate("window.same = true")
    expect(page.get_by_role("status")).to_contain_text("Connected")
    job_id = live.submit("fireworks", "--prompt", "[slow] a tram in the snow")
    waiting = page.get_by_role("link", name=re.compile(r"[1-9]\d* waiting"))
    expect(waiting).to_be_visible()
    expect(page.locator(f"main li a[href*='{job_id}']")).to_be_visible(timeout=20_000)
    loaded(page, f"main a[href*='{job_id}'] img")
    expect(page.get_by_role("link", name=re.compile("^0 waiting"))).to_be_visible()
    assert page.evaluate("window.same")


def test_a_bundle_is_carried_away_and_verifies(live: Live, signed_in: Windows, tmp_path: Path) -> None:
    """Filter, open, export: the bundle that the browser saved is one that a stranger verifies."""
    job_id = live.submit("runware", "--prompt", "a lighthouse", "--tag", "shelf=proof", "--wait")
    page = signed_in(live)
    page.goto("/jobs")
    page.get_by_label("provider").select_option("runware")
    page.get_by_label("tag").fill("shelf=proof")
    page.get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile("provider=runware.*tag=shelf%3Dproof"))
    expect(page.locator("ol.line > li")).to_have_count(1)
    page.locator(f"main a[href$='{job_id}']").click()
    loaded(page, "figure img")
    page.get_by_role("link", name="Bundle", exact=True).click()
    eventually(lambda: has(page, "a[download]"), "all of the job is sealed")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download the bundle").click()
    saved.value.save_as(tmp_path / "bundle.zip")
    done = live.command("audit", "verify-bundle", str(tmp_path / "bundle.zip"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_viewer_sees_and_cannot_act(live: Live, window: Windows, watches: list[Watch]) -> None:
    """VIEWER_TOKEN opens the pages and shows no button; what is sent all the same is refused in words."""
    page = window(live)
    watches[-1].forgive("status of 403")
    page.goto(f"/jobs/{live.dead}")
    page.get_by_label("Token").fill(VIEWER)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Job")).to_be_visible()
    assert page.get_by_role("button").all_inner_texts() == ["Sign out"]
    page.evaluate("to => { document.querySelector('form').action = to }", f"/jobs/{live.dead}/retry")
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("main")).to_contain_text("ADMIN_TOKEN")


def test_a_dead_letter_is_retried(live: Live, signed_in: Windows) -> None:
    """A picture that could not be had is named with its reason; Retry fetches it, and an open page shows it."""
    watching, page = signed_in(live), signed_in(live)
    watching.goto(f"/jobs/{live.dead}")
    expect(watching.locator("[data-mark]")).to_contain_text("Connected")
    page.goto("/")
    page.get_by_role("region", name="Dead letters").get_by_role("link").first.click()
    expect(page).to_have_url(f"{live.origin}/jobs/{live.dead}")
    expect(page.locator("figure")).to_contain_text("dead letter")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("status")).to_be_visible()
    eventually(lambda: has(page, "figure img"), "the picture is fetched")
    loaded(page, "figure img")
    expect(page.locator("h1")).to_contain_text("delivered")
    expect(watching.locator("[data-mark]")).to_have_text("This job has moved on: delivered.", timeout=20_000)
    loaded(watching, "figure img")


def test_an_id_is_copied_whole(live: Live, signed_in: Windows) -> None:
    """Ids are shortened in the middle; a click takes all of one along."""
    page = signed_in(live)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/jobs/{live.dead}")
    name = page.get_by_role("heading", level=1)
    name.locator("code[data-copy]").click()
    expect(name).to_contain_text("copied")
    assert page.evaluate("navigator.clipboard.readText()") == live.dead


def test_setup_looks_at_the_house(live: Live, signed_in: Windows) -> None:
    """What doctor finds is on the page: the house calls itself as a provider would, and says how it went."""
    page = signed_in(live, viewport={"width": 360, "height": 740})
    page.goto("/setup")
    page.get_by_role("button", name="Check now").click()
    found = page.get_by_role("region", name="Doctor")
    expect(found).to_contain_text(re.compile(r"none of \d+ checks found anything wrong"))
    expect(found).to_contain_text(f"{live.origin} leads to this receiver")
    assert overflow(page) == []
    assert violations(page) == []


def test_a_page_orders_a_picture(live: Live, signed_in: Windows, watches: list[Watch]) -> None:
    """Setup's button and the form behind a job lead to delivered pictures, by the process that holds the keys."""
    page = signed_in(live)
    watches[-1].forgive("status of 400")
    page.goto("/setup")
    page.get_by_role("button", name="Send a test job to fal").click()
    expect(page.get_by_role("status")).to_contain_text("Ordered.")
    eventually(lambda: has(page, "figure img"), "the test job's picture is here")
    loaded(page, "figure img")
    page.get_by_role("link", name="Submit again with changes").click()
    expect(page.get_by_label("keep input 1")).to_be_checked()
    loaded(page, ".inputs img")
    page.get_by_label("Seed").fill("seven")
    page.get_by_role("button", name="Order").click()
    expect(page.get_by_role("alert")).to_contain_text("“Seed” is a whole number")
    page.get_by_label("Seed").fill("7")
    page.get_by_label("Prompt", exact=True).fill("a bagel in its place")
    page.get_by_role("button", name="Order").click()
    expect(page.locator("blockquote")).to_contain_text("a bagel in its place")
    eventually(lambda: has(page, "figure img"), "the changed order's picture is here")
    expect(page.locator("h1")).to_contain_text("delivered")
    expect(page.locator("main")).to_contain_text("seed7")
