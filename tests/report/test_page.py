import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from harmonium import plots
from harmonium.errors import InputError
from harmonium.report.markdown import VERDICTS
from harmonium.report.page import Page, Section, render, write

VOID = {"meta", "img", "link", "br", "hr", "input"}
NASTY = '<script>alert("x")</script>'


class Reader(HTMLParser):
    """Collects tags, checks that they nest, and keeps the words of each kind of tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: dict[str, list[str]] = {}
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.words.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        for tag in set(self.open):
            self.words[tag][-1] += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def only(section: Section) -> Reader:
    return Reader(render(Page("title", sections=[section])))


def picture() -> bytes:
    return plots.png(np.zeros((3, 5), np.uint8), zoom=2)


def full() -> Page:
    page = Page(NASTY, "Lead with `code`.", [("data", f"{NASTY}.csv")], version="1.2.3", date="2026-01-02")
    for index in range(4):
        section = page.section(f"{index} {NASTY}").text(NASTY).formula(NASTY).code(NASTY).verdict("note", NASTY)
        section.table([NASTY], [[NASTY]], NASTY).picture(picture(), NASTY, NASTY)
    return page


def test_nothing_a_user_writes_becomes_markup():
    text = render(full())
    reader = Reader(text)
    assert "<script" not in text
    assert not reader.named("script")
    assert reader.words["title"] == reader.words["h1"] == [NASTY]
    assert reader.words["dd"] == [f"{NASTY}.csv"]
    assert reader.words["pre"] == reader.words["td"] == reader.words["caption"] == [NASTY] * 4
    assert {image["alt"] for image in reader.named("img")} == {NASTY}


def test_markup_between_backticks_stays_text():
    reader = only(Section("s").text("run `<b>x</b>` & see"))
    assert reader.words["p"][0] == "run <b>x</b> & see"
    assert reader.words["code"] == ["<b>x</b>"]
    assert not reader.named("b")


def test_a_lone_backtick_is_a_backtick():
    reader = only(Section("s").text("`a` b ` c"))
    assert (reader.words["code"], reader.words["p"][0]) == (["a"], "a b ` c")


def test_the_page_fetches_nothing():
    text = render(full())
    reader = Reader(text)
    assert not reader.named("link")
    assert all(image["src"].startswith("data:image/") for image in reader.named("img"))
    assert all(anchor["href"].startswith("#") for anchor in reader.named("a"))
    assert not re.search(r"url\(|@import|https?://", text)
    assert not any(name.startswith("on") for _, attributes in reader.tags for name in attributes)


def test_contents_are_listed_from_the_fourth_section_on_and_lead_there():
    page = full()
    reader = Reader(render(page))
    targets = [attributes["id"] for attributes in reader.named("section")]
    assert [anchor["href"] for anchor in reader.named("a")] == [f"#{target}" for target in targets]
    assert reader.words["a"] == [section.title for section in page.sections]
    page.sections.pop()
    assert not Reader(render(page)).named("nav")


@pytest.mark.parametrize(
    ("version", "date", "words"),
    [
        ("1.2.3", "2026-01-02", "made by harmonium 1.2.3 on 2026-01-02"),
        ("1.2.3", "", "made by harmonium 1.2.3"),
        ("", "", "made by harmonium"),
    ],
)
def test_the_footer_says_what_the_caller_passed(version, date, words):
    assert Reader(render(Page("t", version=version, date=date))).words["footer"] == [words]


def test_facts_and_lead_come_in_order():
    reader = Reader(render(Page("t", "one `a`\n\ntwo", [("x", "1"), ("y", "`2`")])))
    assert reader.words["p"][:2] == ["one a", "two"]
    assert (reader.words["dt"], reader.words["dd"]) == (["x", "y"], ["1", "2"])


def test_blocks_keep_their_order_and_text():
    section = (
        Section("s").formula("p(v) = e⁻ᶠ / Z\n  second").code("\nif a < b:\n    pass\n").text("one\n\n\ntwo\nlines")
    )
    reader = only(section)
    assert reader.words["p"][:3] == ["p(v) = e⁻ᶠ / Z\n  second", "one", "two lines"]
    assert reader.words["pre"] == ["if a < b:\n    pass"]


def test_an_option_in_a_command_is_never_broken_at_its_dashes():
    reader = only(Section("s").code("run a-b --hidden 64 -q").text("`--json`"))
    assert reader.words["span"] == ["--hidden", "-q", "--json"]
    assert reader.words["pre"] == ["run a-b --hidden 64 -q"]


@pytest.mark.parametrize("kind", VERDICTS)
def test_a_verdict_names_its_kind_in_words_too(kind):
    reader = only(Section("s").verdict(kind, "because"))
    assert reader.named("aside") == [{"class": f"verdict {kind}"}]
    assert reader.words["aside"] == [f"{kind.capitalize()} because"]


def shown(column: list[object]) -> list[str]:
    return only(Section("s").table(["x"], [[cell] for cell in column])).words["td"]


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        ([1797, -3], ["1,797", "−3"]),
        ([-123.4567, 0.5], ["−123.46", "0.50"]),
        ([0.001, 0.01, 0.1], ["0.001", "0.010", "0.100"]),
        ([0.25, 0.5], ["0.25", "0.50"]),
        ([12345.6, -7.0], ["12,345.6", "−7.0"]),
        ([1e-7, 2.5], ["1e-07", "2.5"]),
        ([3e9, 1.5], ["3e+09", "1.5"]),
        ([0.061234], ["0.06123"]),
        ([float("nan"), float("-inf"), float("inf"), None, ""], ["nan", "−∞", "∞", "–", "–"]),
        ([0.0, 2.0], ["0", "2"]),
        ([np.float64(1.5), np.int64(4)], ["1.5", "4"]),
        ([True, False], ["yes", "no"]),
        (["-0", "plain"], ["−0", "plain"]),
    ],
)
def test_numbers_are_written_alike_within_a_column(column, texts):
    assert shown(column) == texts


def test_columns_of_numbers_stand_right_with_their_header():
    rows = [["a", 1, -2.5, "86.3 ± 0.2", "3 %", "x1"], ["b", None, float("nan"), "−1", "1.5 nats", 2]]
    reader = only(Section("s").table(list("uvwxyz"), rows))
    expected = [{} if name in "uz" else {"class": "number"} for name in "uvwxyz"]
    assert [{k: v for k, v in cell.items() if k != "scope"} for cell in reader.named("th")] == expected
    assert reader.named("td") == expected * 2
    assert "tabular-nums" in render(Page("t"))


def test_a_table_without_rows_still_has_its_header():
    reader = only(Section("s").table(["a", "b"], []))
    assert reader.words["th"] == ["a", "b"]
    assert "td" not in reader.words


def test_pictures_are_embedded_whole_with_size_and_words(tmp_path):
    frames = [np.full((4, 6), level, np.uint8) for level in (0, 255)]
    moving = plots.save_gif(tmp_path / "a.gif", frames, zoom=1).read_bytes()
    reader = only(Section("s").picture(picture(), "caption", "described").picture(moving, "moving"))
    still, gif = reader.named("img")
    assert base64.b64decode(still["src"].removeprefix("data:image/png;base64,")) == picture()
    assert base64.b64decode(gif["src"].removeprefix("data:image/gif;base64,")) == moving
    assert (still["width"], still["height"], still["alt"]) == ("10", "6", "described")
    assert (gif["width"], gif["height"], gif["alt"]) == ("6", "4", "moving")
    assert reader.words["figcaption"] == ["caption", "moving"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Section("s").verdict("good", "x"), "'good': expected one of exact"),
        (lambda: Section("s").table(["a", "b"], [[1, 2], [3]]), "row 1 has 1 cells: expected 2"),
        (lambda: Section("s").picture(b"\xff\xd8\xff jpeg", "c"), "PNG or GIF"),
        (lambda: Section("s").picture(b"", "c"), "PNG or GIF"),
        (lambda: render(Page(" ")), "no title"),
        (lambda: write(Page("t"), "page.pdf"), "suffix .html"),
    ],
)
def test_bad_input_is_told_in_one_line(call, words):
    with pytest.raises(InputError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_written_page_is_the_rendered_one_in_utf_8(tmp_path):
    page = Page("Über −∞", "λ ≤ 1")
    path = write(page, tmp_path / "new" / "page.html")
    assert path == tmp_path / "new" / "page.html"
    assert path.read_bytes().decode("utf-8") == render(page)
    assert '<meta charset="utf-8">' in render(page)[:200]


def test_the_same_page_renders_the_same_twice():
    assert render(full()) == render(full())
