"""The page that `harmonium export` writes, in a browser."""

import io

import numpy as np
import pytest
from browser import Watched, browser, faults_of_access, needed, ours, seen, stroke
from PIL import Image

import harmonium as hm

pytestmark = needed


@pytest.fixture(scope="module")
def chromium():
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def digits(folder):
    run = hm.fit("digits", hidden=16, epochs=3, labels=True, seed=1)
    return run.export(folder / "digits.html").as_uri()


def steps(page, count: int) -> None:
    for _ in range(count):
        page.get_by_role("button", name="One step").click()


def test_what_is_drawn_stays_while_the_rest_moves(chromium, digits):
    with Watched(chromium, digits) as page:
        page.goto(digits)
        stroke(page, (0.3, 0.1), (0.7, 0.1), (0.5, 0.45))
        first = seen(page)
        held = ours(first)
        assert 5 < held.sum() < 32
        moved = 0
        for _ in range(20):
            page.wait_for_timeout(30)
            now = seen(page)
            assert (now[held] == first[held]).all()
            moved += int((now[~held] != first[~held]).any())
        assert moved > 0


def test_a_label_is_chosen_and_let_go(chromium, digits):
    with Watched(chromium, digits) as page:
        page.goto(digits)
        for word, value in (("7", "7"), ("anything", "any")):
            page.locator(".labels").get_by_text(word, exact=True).click()
            assert page.locator(".labels input:checked").input_value() == value


def test_files_that_are_saved_are_what_they_are_called(chromium, digits):
    with Watched(chromium, digits) as page:
        page.goto(digits)
        page.locator("summary").click()
        steps(page, 5)
        kept = {}
        for kind in ("PNG", "GIF", "NPY"):
            with page.expect_download() as found:
                page.get_by_role("button", name=kind).click()
            kept[kind] = found.value.path().read_bytes()
    assert Image.open(io.BytesIO(kept["PNG"])).size == (64, 64)
    moving = Image.open(io.BytesIO(kept["GIF"]))
    assert moving.size == (64, 64)
    for frame in range(moving.n_frames):
        moving.seek(frame)
        moving.load()
    states = np.load(io.BytesIO(kept["NPY"]))
    assert states.shape == (1, 64)
    assert set(np.unique(states)) <= {0, 1}


@pytest.mark.slow
def test_a_hidden_unit_that_is_held_stays_held(chromium, digits):
    with Watched(chromium, digits) as page:
        page.goto(digits)
        page.get_by_role("tab", name="Look inside").click()
        page.locator(".floor canvas").focus()
        for key in ("ArrowRight", "Enter"):
            page.keyboard.press(key)
        assert page.locator(".unit input:checked").input_value() == "on"
        page.get_by_text("on in 100 % of the last frames").wait_for(timeout=10_000)
        page.get_by_role("button", name="Let all go").click()
        assert page.locator(".unit input:checked").input_value() == "free"


def test_the_board_is_drawn_on_by_keys(chromium, digits):
    with Watched(chromium, digits, reduced_motion="reduce") as page:
        page.goto(digits)
        page.locator(".board canvas").focus()
        for key in ("Space", "Shift+ArrowRight", "Shift+ArrowRight"):
            page.keyboard.press(key)
        assert ours(seen(page)).sum() == 3
        page.keyboard.press("Escape")
        assert ours(seen(page)).sum() == 0


def test_nothing_moves_where_motion_is_not_wanted(chromium, digits):
    with Watched(chromium, digits, reduced_motion="reduce") as page:
        page.goto(digits)
        page.wait_for_timeout(100)
        first = seen(page)
        page.wait_for_timeout(400)
        assert (seen(page) == first).all()
        assert page.locator(".rate").inner_text() == "paused"


def test_a_table_is_menus(chromium, folder):
    rows = np.random.default_rng(0).integers(0, 3, (200, 5))
    url = hm.fit(rows, visible="potts:3", hidden=4, epochs=2, seed=1).export(folder / "table.html").as_uri()
    with Watched(chromium, url, reduced_motion="reduce") as page:
        page.goto(url)
        page.locator(".column select").nth(1).select_option("2")
        assert page.locator(".column input").nth(1).is_checked()
        for _ in range(20):
            steps(page, 1)
            assert page.locator(".column select").nth(1).input_value() == "2"


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 360)])
def test_nobody_is_shut_out(chromium, digits, scheme, width):
    with Watched(chromium, digits, color_scheme=scheme, viewport={"width": width, "height": 800}) as page:
        page.goto(digits)
        page.locator("summary").click()
        for tab in ("Draw", "Look inside"):
            page.get_by_role("tab", name=tab).click()
            page.wait_for_timeout(100)
            assert not faults_of_access(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width


MACHINES = {
    "deep": lambda: hm.DBM(9, 5, 4, generator=0),
    "spins": lambda: hm.RBM(hm.Spin(9), hm.Spin(4), generator=0),
    "labeled": lambda: hm.RBM(hm.Concat(9, hm.Potts(1, 3)), 4, generator=0),
}


@pytest.mark.parametrize("name", MACHINES)
def test_every_machine_is_drawn_on_and_looked_into(chromium, folder, name):
    url = hm.Run.of(MACHINES[name](), shape=(3, 3)).export(folder / f"{name}.html").as_uri()
    with Watched(chromium, url) as page:
        page.goto(url)
        page.get_by_role("button", name="Show me").click()
        page.get_by_role("tab", name="Look inside").click()
        for floor in page.locator(".floor canvas").all():
            floor.focus()
            for key in ("ArrowRight", "Enter"):
                page.keyboard.press(key)
            assert page.locator(".unit input:checked").input_value() == "on"
        page.get_by_role("tab", name="Draw").click()
        page.wait_for_timeout(1200)  # in which the upper half has been drawn
        assert ours(seen(page))[0].all()


@pytest.mark.slow
def test_a_large_machine_is_small_and_quick(chromium, folder):
    path = hm.Run.of(hm.RBM(784, 500, generator=0), shape=(28, 28)).export(folder / "large.html")
    assert path.stat().st_size <= 2.5e6
    with Watched(chromium, path.as_uri()) as page:
        page.goto(path.as_uri())
        page.locator("summary").click()
        page.get_by_label("Gibbs steps a frame").fill("9")
        page.wait_for_timeout(2500)
        assert int(page.locator(".rate").inner_text().split()[0]) >= 200


@pytest.mark.parametrize(
    ("make", "told"),
    {
        "a general machine": (lambda: hm.BoltzmannMachine(4), "an RBM or DBM was expected"),
        "units of another kind": (lambda: hm.RBM(hm.Gaussian(3), 2), "Gaussian units where"),
        "columns that nobody tells": (lambda: hm.RBM(hm.Potts(2, 3), 2), "does not tell the columns"),
        "two kinds of units": (lambda: hm.RBM(hm.Concat(2, hm.Spin(2)), 2), "one kind, and labels"),
    }.values(),
)
def test_what_no_page_can_run_is_refused(make, told, tmp_path):
    with pytest.raises(hm.InputError, match=told):
        hm.Run.of(make()).export(tmp_path / "page.html")
