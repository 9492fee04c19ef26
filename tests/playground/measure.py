"""Measure the playground in a browser: `python tests/playground/measure.py [AT] [MINUTES]` prints how fast it answers.

A tab dreams and another trains for so many minutes, after which twenty tabs are opened and closed; the memory and the
threads of the server are those that Linux tells.
"""

import os
import re
import sys
import tempfile
import time
from pathlib import Path

from browser import browser
from pages import command

SLIDES, TABS = 20, 20
# Milliseconds from a move of a slider to the first picture that obeys it: chains side by side, one and four in turn.
SLIDE = """([slider, many, place]) => new Promise((done) => {
  const began = performance.now(), hidden = many.hidden;
  slider.value = place;
  slider.dispatchEvent(new Event("input"));
  const look = () => (many.hidden === hidden ? requestAnimationFrame(look) : done(performance.now() - began));
  look();
})"""
# How often in so many milliseconds the words of an element change.
CHANGES = """([node, time]) => new Promise((done) => {
  let count = 0;
  new MutationObserver(() => { count++; }).observe(node, { childList: true });
  setTimeout(() => done(count), time);
})"""


def held(pid: int) -> tuple[float, int]:
    """Return the megabytes of memory and the number of threads of a process."""
    told = Path(f"/proc/{pid}/status").read_text()
    memory, threads = (int(re.search(rf"{name}:\s+(\d+)", told)[1]) for name in ("VmRSS", "Threads"))
    return memory / 1024, threads


def dream(page, url: str) -> None:
    """Print pictures a second, and how soon a slider acts."""
    page.goto(url)
    page.locator(".board canvas").wait_for()
    page.get_by_text("Temperature, speed, chains").click()
    page.wait_for_timeout(3000)
    slider, many = page.get_by_label("Chains side by side").first, page.locator(".many")
    nodes = [slider.element_handle(), many.element_handle()]
    waits = sorted(page.evaluate(SLIDE, [*nodes, (turn + 1) % 2]) for turn in range(SLIDES))
    shown = page.evaluate(CHANGES, [page.locator(".line output").first.element_handle(), 5000]) / 5
    middle, most = waits[SLIDES // 2], waits[-1]
    print(f"dreaming: {shown:.0f} pictures a second; a slider acts in {middle:.0f} ms, {most:.0f} at most")


def learn(page, url: str) -> None:
    """Begin a training without an end, and print pictures a second."""
    page.goto(url)
    page.get_by_role("tab", name="Watch it learn").click()
    page.get_by_role("button", name="Start a training").click()
    told = page.locator(".pupil .share").first
    told.wait_for()
    print(f"training: {page.evaluate(CHANGES, [told.element_handle(), 5000]) / 5:.0f} pictures a second")


def main(at: str, minutes: int) -> None:
    """Print what is measured of a playground."""
    with tempfile.TemporaryDirectory() as folder, command(at, folder) as (process, socket), browser() as chromium:
        while socket.ask("hello", token=socket.token)[0]["learning"]:
            time.sleep(0.2)
        print(f"load {os.getloadavg()[0]:.1f}")
        dreaming, learning = chromium.new_context().new_page(), chromium.new_context().new_page()
        dream(dreaming, socket.url)
        learn(learning, socket.url)
        for minute in range(minutes + 1):
            print(f"minute {minute}: {held(process.pid)[0]:.0f} MB", flush=True)
            dreaming.wait_for_timeout(60_000 if minute < minutes else 0)
        before = held(process.pid)[1]
        for _ in range(TABS):
            page = chromium.new_context().new_page()
            page.goto(socket.url)
            page.locator(".board canvas").wait_for()
            page.context.close()
        print(f"threads before and after {TABS} tabs: {before} and {held(process.pid)[1]}")
        print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "digits", int(sys.argv[2]) if len(sys.argv) > 2 else 10)
