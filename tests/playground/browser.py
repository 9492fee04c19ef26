"""A browser for the tests: chromium, driven by playwright, and a page on which nothing may go wrong."""

import base64
import io
import os
import shutil
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

CHROMIUM = shutil.which("chromium")
needed = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium to look at the page with")
PATIENCE = 180_000  # milliseconds: what is compiled at the first training takes half a minute, more on a busy machine
IMPACTS = ("serious", "critical")


@contextmanager
def browser():
    """Start chromium without a display, and end it."""
    from playwright.sync_api import sync_playwright

    sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=[*sandbox, "--disable-gpu"])
        yield found
        found.close()


class Watched:
    """A page on which nothing may go wrong: no message on the console, no error, no request but to ``own``."""

    def __init__(self, found, own: str, **settings):
        self.page, self.faults = found.new_context(**settings).new_page(), []
        self.page.set_default_timeout(PATIENCE)
        fine = (own, "blob:", "data:")
        self.page.on("console", lambda message: self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda asked: self.faults.extend([] if asked.url.startswith(fine) else [asked.url]))

    def __enter__(self):
        return self.page

    def __exit__(self, kind, *_):
        self.page.context.close()
        assert kind is not None or not self.faults, self.faults


def faults_of_access(page) -> list[tuple[str, str]]:
    """Return what axe-core calls serious: the rule, and where."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [(one["id"], node["html"]) for one in found if one["impact"] in IMPACTS for node in one["nodes"]]


def seen(page) -> np.ndarray:
    """Return the pixels of the drawing board, (height, width, 3)."""
    url = page.locator(".board canvas").evaluate("(canvas) => canvas.toDataURL()")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"))


def ours(pixels: np.ndarray) -> np.ndarray:
    """Return where a pixel has the reader's color, in which red is far above blue."""
    return pixels[..., 0].astype(int) - pixels[..., 2] > 20


def stroke(page, *places: tuple[float, float]) -> None:
    """Draw a line through places of the board, fractions across and down."""
    box = page.locator(".board canvas").bounding_box()
    for number, (x, y) in enumerate(places):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
        if number == 0:
            page.mouse.down()
    page.mouse.up()
