"""Film the page: `python tests/playground/film.py MODEL out.gif` draws half a digit on an exported model, and keeps it.

The picture that the README begins with was made so.
"""

import io
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from browser import browser
from PIL import Image

import harmonium as hm

WIDTH, HEIGHT, SHOWN, PACE = 940, 1000, 745, 100  # of the window, the part that is kept, milliseconds of a frame
STROKES = (((0.33, 0.22), (0.42, 0.15), (0.58, 0.15), (0.66, 0.24), (0.62, 0.36), (0.5, 0.44)),)


def frames(url: str) -> Iterator[Image.Image]:
    """Yield pictures of the page: it dreams, half a digit is drawn, and the machine finishes it."""
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(url)

        def shot() -> Image.Image:
            picture = page.screenshot(clip={"x": 0, "y": 0, "width": WIDTH, "height": SHOWN})
            return Image.open(io.BytesIO(picture)).convert("RGB")

        for _ in range(8):
            yield shot()
        page.get_by_role("button", name="Start over").click()
        box = page.locator(".board canvas").bounding_box()
        assert box is not None
        for stroke in STROKES:
            for number, (x, y) in enumerate(stroke):
                page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
                if number == 0:
                    page.mouse.down()
                yield shot()
            page.mouse.up()
        for _ in range(40):
            yield shot()


def film(run: hm.Run, out: Path) -> None:
    """Write the film of a run's page as a GIF that loops."""
    with tempfile.TemporaryDirectory() as folder:
        shots = list(frames(run.export(Path(folder) / "page.html").as_uri()))
    palette = shots[len(shots) // 2].quantize(64)
    small = [shot.quantize(palette=palette, dither=Image.Dither.NONE) for shot in shots]
    small[0].save(out, save_all=True, append_images=small[1:], duration=PACE, loop=0, optimize=True)


if __name__ == "__main__":
    film(hm.load(sys.argv[1]), Path(sys.argv[2]))
