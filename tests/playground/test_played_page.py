"""The page of `harmonium play`, in a browser without a network: what a person does on it, and what stays as it is."""

from contextlib import contextmanager

import numpy as np
import pytest
from browser import Watched, browser, faults_of_access, needed, ours, seen, stroke
from PIL import Image

import harmonium as hm
from harmonium.playground.server import STATIC, Playground

pytestmark = needed
TABS = ("Draw", "Look inside", "One update", "Watch it learn")
FRAMES = 500
# What the board shows at each of so many frames, as rows of red and blue, next to each other.
WATCH = """(board, frames) => new Promise((done) => {
  const copy = document.createElement("canvas");
  Object.assign(copy, { width: board.width, height: board.height });
  const context = copy.getContext("2d", { willReadFrequently: true }), seen = [];
  const look = () => {
    context.drawImage(board, 0, 0);
    seen.push(Array.from(context.getImageData(0, 0, copy.width, copy.height).data));
    if (seen.length < frames) requestAnimationFrame(look);
    else done(seen);
  };
  look();
})"""


@pytest.fixture(scope="module")
def chromium():
    with browser() as found:
        yield found


@contextmanager
def opened(chromium, at, **settings):
    """Serve something for as long as its page is looked at."""
    with Playground(at, port=0) as playground, Watched(chromium, playground.url.partition("#")[0], **settings) as page:
        page.goto(playground.url)
        yield page


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("playground")


@pytest.fixture(scope="module")
def url(flags):
    """A playground on a small run."""
    with Playground(flags / "run", port=0) as playground:
        yield playground.url


@pytest.fixture
def page(chromium, url):
    with Watched(chromium, url.partition("#")[0]) as page:
        page.goto(url)
        page.locator(".board canvas").wait_for()
        yield page


def wait(page, what: str, count: int) -> None:
    """Wait until there are so many elements."""
    from playwright.sync_api import expect

    expect(page.locator(what)).to_have_count(count)


@pytest.mark.slow
def test_a_stroke_stays_for_500_frames_and_the_rest_moves(page):
    stroke(page, (0.1, 0.1), (0.9, 0.1))
    page.wait_for_timeout(100)
    pixels = np.array(page.locator(".board canvas").evaluate(WATCH, FRAMES), np.uint8).reshape(FRAMES, 3, 3, 4)
    held = ours(pixels[0])
    assert held[0].all()
    assert (pixels[:, held] == pixels[0, held]).all()
    assert (pixels[1:, ~held] != pixels[:-1, ~held]).any()


@pytest.mark.slow
def test_what_is_drawn_stays_while_the_machine_still_learns(chromium, flags):
    with opened(chromium, flags / "flags.npz") as page:
        page.locator(".board canvas").wait_for()
        stroke(page, (0.1, 0.1), (0.9, 0.1))
        page.wait_for_timeout(200)
        first = seen(page)
        page.wait_for_timeout(3000)
        assert ours(first)[0].all()
        assert (seen(page)[0] == first[0]).all()


def test_a_label_is_asked_for_and_let_go(page):
    for word, value in (("1", "1"), ("anything", "any")):
        page.locator(".labels").get_by_text(word, exact=True).click()
        assert page.locator(".labels input:checked").input_value() == value


@pytest.mark.slow
def test_a_held_unit_stays_held(page):
    page.get_by_role("tab", name="Look inside").click()
    page.locator(".floor canvas").focus()
    for key in ("ArrowRight", "Enter"):
        page.keyboard.press(key)
    assert page.locator(".unit input:checked").input_value() == "on"
    page.get_by_text("on in 100 % of the last frames").wait_for(timeout=15_000)


@pytest.mark.slow
def test_the_last_two_seconds_are_gone_back_to(page):
    past = page.get_by_label("Last two seconds")
    while int(past.get_attribute("max")) < 20:
        page.wait_for_timeout(50)
    page.get_by_role("button", name="Pause", exact=True).first.click()
    page.wait_for_timeout(300)  # what was asked for is still shown
    last, most, shown = seen(page), int(past.get_attribute("max")), []
    for place in range(most + 1):
        past.fill(str(place))
        shown.append(seen(page))
    assert (shown[-1] == last).all()
    assert len({picture.tobytes() for picture in shown}) > 1


@pytest.mark.slow
def test_floors_show_what_flows_between_them_and_why_a_unit_cannot_be_held(chromium, flags, place):
    run = hm.fit(str(flags / "flags.npz"), model="dbn", hidden="6,4", epochs=1, seed=1)
    run.save(place / "deep.safetensors")
    with opened(chromium, place / "deep.safetensors") as page:
        page.get_by_role("tab", name="Look inside").click()
        for floor, told, held in ((0, "from below", True), (1, "from above", False)):
            page.locator(".floor canvas").nth(floor).focus()
            page.keyboard.press("ArrowRight")
            page.get_by_text(told).wait_for()
            assert page.locator(".unit input").first.is_enabled() is held
        assert "units are drawn from those above them" in page.locator(".unit").inner_text()


@pytest.mark.slow
def test_pictures_of_ones_own_are_drawn_on_and_trained_on(chromium, place, monkeypatch):
    monkeypatch.chdir(place)
    folder, g = place / "pictures", np.random.default_rng(0)
    folder.mkdir()
    for number in range(60):
        lit = np.where(np.arange(12) // 6 == number % 2, 200, 40)[:, None]
        Image.fromarray((lit + g.integers(0, 40, (12, 10))).astype(np.uint8)).save(folder / f"{number}.png")
    with opened(chromium, folder) as page:
        page.locator(".board canvas").wait_for()
        assert seen(page).shape == (12, 10, 3)
        page.get_by_role("tab", name="Watch it learn").click()
        page.get_by_role("button", name="Start a training").click()
        page.locator(".pupil .share").get_by_text("running").wait_for()
        assert page.get_by_label("Hidden units", exact=True).get_attribute("aria-valuetext") == "128"  # what is trained
        assert not page.get_by_label("Learn labels").count()
        page.get_by_label("Updates a second").fill("0")  # which changes nothing else
        page.get_by_role("button", name="Save as a run").click()
        page.get_by_text("Saved:").wait_for()
        saved = page.locator(".learn .told").inner_text().removeprefix("Saved: ")
    assert hm.load(place / saved).config.lr == pytest.approx(0.05)


def test_an_update_is_shown_stage_by_stage(page):
    page.get_by_role("tab", name="One update").click()
    page.get_by_role("button", name="New weights").click()
    for left in range(7, 0, -1):
        wait(page, ".veiled", left)
        page.get_by_role("button", name="Next", exact=True).click()
    assert "Update 1:" in page.locator(".microscope .told").inner_text()
    page.get_by_label("Chain begins").first.select_option("pcd")
    for left in (7, 6):
        wait(page, ".veiled", left)
        page.get_by_role("button", name="Next", exact=True).click()
    page.get_by_text("they go on from the last update").wait_for()
    told = page.locator(".microscope .line output")
    told.get_by_text("PCD").wait_for()
    assert told.inner_text().startswith("CD ")


@pytest.mark.slow
def test_two_trainings_are_watched_changed_paused_and_saved(page, place, monkeypatch):
    monkeypatch.chdir(place)
    page.get_by_role("tab", name="Watch it learn").click()
    page.get_by_label("Beside it").first.select_option("cd")
    page.get_by_role("button", name="Start a training").click()
    wait(page, ".pupil", 2)
    page.get_by_label("Learning rate").last.fill("2")
    page.get_by_role("button", name="Pause", exact=True).last.click()
    page.get_by_role("button", name="Save as a run").click()
    page.get_by_text("Saved:").wait_for()
    saved = page.locator(".learn .told").inner_text().removeprefix("Saved: ").split(", ")
    assert len(saved) == 2
    assert all(hm.load(place / path).config is not None for path in saved)
    page.get_by_role("button", name="Draw on it").first.click()
    page.get_by_role("button", name="Back to the first one").click()
    page.locator(".board canvas").wait_for()
    page.get_by_role("tab", name="Watch it learn").click()
    page.get_by_role("button", name="Report").first.click()
    page.get_by_role("link", name="open the report").wait_for()


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 360)])
def test_nobody_is_shut_out(chromium, url, scheme, width):
    size = {"width": width, "height": 800}
    with Watched(chromium, url.partition("#")[0], color_scheme=scheme, viewport=size) as page:
        page.goto(url)
        page.locator(".board canvas").wait_for()
        for tab in TABS:
            page.get_by_role("tab", name=tab).click()
            page.wait_for_timeout(200)
            assert not faults_of_access(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_table_has_sliders(chromium, place):
    rows = np.random.default_rng(0).normal(size=(200, 3))
    hm.fit(rows, hidden=4, epochs=2, seed=1).save(place / "table.safetensors")
    with opened(chromium, place / "table.safetensors", reduced_motion="reduce") as page:
        page.locator(".column input[type=range]").nth(1).fill("0.75")
        assert page.locator(".column input[type=checkbox]").nth(1).is_checked()
        for _ in range(5):
            page.get_by_role("button", name="One step").click()
            assert page.locator(".column input[type=range]").nth(1).input_value() == "0.75"


def test_the_page_is_small():
    assert sum(file.stat().st_size for file in STATIC.iterdir()) <= 300_000
