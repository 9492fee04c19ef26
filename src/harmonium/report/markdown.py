"""A page: Markdown in, one self-contained HTML file out.

The Markdown is that of a person: ``# `` the title, paragraphs to read first, a table of facts, and ``## `` sections of
paragraphs, tables, fences, quotes and pictures. Five conventions are added to it:

- a paragraph that begins with ``Table: `` stands right above a table and is its caption;
- a quote that begins with ``[!kind]`` is a call-out, kind being one of `VERDICTS`;
- a fence of the kind ``formula`` is set as a formula in plain unicode;
- a picture alone in its paragraph is a figure, its words in brackets the caption, its title the alternative text;
- columns set right (``--:``) hold numbers.

HTML, links and lists are no part of it, so that nothing a page says can be taken for them.
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import jinja2
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

from harmonium.errors import InputError

VERDICTS = ("exact", "certified", "consistent", "inconsistent", "mixed", "lagging", "stuck", "note", "fault")
RULES = ("table", "fence", "blockquote", "heading", "paragraph", "backticks", "emphasis", "escape", "image", "entity")
CAPTION = "Table: "


def to_html(text: str, pictures: Mapping[str, bytes], *, version: str = "", date: str = "") -> str:
    """Return Markdown as a page that fetches nothing: styles inline, pictures embedded, all text escaped.

    Args:
        text: the Markdown; a page without a title raises `InputError`.
        pictures: the bytes of a PNG or GIF file for each name that the Markdown refers to.
        version: what the footer says of the program, with ``date``.
        date: the day the page was made.
    """
    (title, head), *sections = _sections(_parser().parse(text))
    if title is None or not title.content.strip():
        raise InputError("the page has no title: expected a few words; give the run or the recipe a name")
    held = {"pictures": pictures}
    return _frame().render(
        title=_plain(title.children or []),
        facts=[(_inline(name, held), _inline(value, held)) for name, value in _facts(head)],
        lead=[_inline(paragraph, held) for paragraph in _paragraphs(head)],
        sections=[(_inline(name, held), _html(body, held)) for name, body in sections if name],
        version=version,
        date=date,
    )


def escaped(text: str) -> str:
    """Return text, made one line, as Markdown that shows it as it is."""
    marked = re.sub(r"^Table:|[\\`*_\[\]<>&#!~\"]", lambda found: f"{found[0][:-1]}\\{found[0][-1]}", text)
    return " ".join(re.split(r"\s*\n\s*", marked)).replace("|", "&#124;")


def fence(text: str, kind: str = "") -> str:
    """Return text as a fence that nothing in it can close."""
    marks = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{marks}{kind}\n{text}\n{marks}"


@cache
def _frame() -> jinja2.Template:
    rules = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return rules.from_string(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("zero").enable(list(RULES))
    rules = {"table_open": _table, "table_close": _tabled, "fence": _fence, "code_inline": _code, "image": _figure}
    for name, rule in rules.items():
        parser.add_render_rule(name, rule)
    parser.core.ruler.push("conventions", lambda state: _conventions(state.tokens))
    return parser


def _sections(tokens: Sequence[Token]) -> list[tuple[Token | None, list[Token]]]:
    """Split a document at its headings of the first two ranks: each title, nothing before the first, and its body."""
    found: list[tuple[Token | None, list[Token]]] = [(None, [])]
    for at, token in enumerate(tokens):
        if token.tag not in ("h1", "h2"):
            found[-1][1].append(token)
        elif token.nesting == 1 and token.tag == "h1":
            found[0] = (tokens[at + 1], found[0][1])
        elif token.nesting == 1:
            found.append((tokens[at + 1], []))
    return [(title, [token for token in body if token is not title]) for title, body in found]


def _paragraphs(tokens: Sequence[Token]) -> list[Token]:
    return [b for a, b in pairwise(tokens) if a.type == "paragraph_open"]


def _facts(tokens: Sequence[Token]) -> Iterator[tuple[Token, Token]]:
    cells = [b for a, b in pairwise(tokens) if a.type == "td_open"]
    return zip(cells[::2], cells[1::2], strict=True)


def _html(tokens: Sequence[Token], held: Any) -> Markup:
    return Markup(_parser().renderer.render(tokens, _parser().options, held))


def _inline(token: Token, held: Any) -> Markup:
    return _html([token], held)


def _plain(tokens: Sequence[Token]) -> str:
    return "".join(token.content for token in tokens)


def _conventions(tokens: list[Token]) -> None:
    """Turn captions, call-outs, figures and right columns, as Markdown has them, into what the page draws."""
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.type == "paragraph_open" and tokens[at + 1].content.startswith(CAPTION):
            _captioned(tokens, at)
        elif token.type == "paragraph_open" and [child.type for child in tokens[at + 1].children or []] == ["image"]:
            token.hidden = tokens[at + 2].hidden = True
        elif token.type == "blockquote_open":
            _called_out(tokens, at)
        elif token.type in ("th_open", "td_open"):
            right = "right" in str(token.attrs.pop("style", ""))
            token.attrs |= ({"scope": "col"} if token.tag == "th" else {}) | ({"class": "number"} if right else {})
        at += 1


def _captioned(tokens: list[Token], at: int) -> None:
    if "table_open" not in [token.type for token in tokens[at + 3 : at + 4]]:
        raise InputError(f"{tokens[at + 1].content!r} is a caption: expected a table right below it")
    opening, words, closing, table = tokens[at : at + 4]
    opening.type, opening.tag, closing.type, closing.tag = "caption_open", "caption", "caption_close", "caption"
    assert words.children
    words.children[0].content = words.children[0].content.removeprefix(CAPTION)
    tokens[at : at + 4] = [table, opening, words, closing]


def _called_out(tokens: list[Token], at: int) -> None:
    words, end = tokens[at + 2], next(n for n in range(at, len(tokens)) if tokens[n].type == "blockquote_close")
    kind, _, rest = words.content.removeprefix("[!").partition("]")
    if kind not in VERDICTS:
        raise InputError(f"verdict {kind!r}: expected one of {', '.join(VERDICTS)}")
    words.children = _parser().parseInline(rest.strip())[0].children
    strong = [Token("strong_open", "strong", 1), Token("text", "", 0, content=kind.capitalize())]
    assert words.children is not None
    words.children[:0] = [*strong, Token("strong_close", "strong", -1), Token("text", "", 0, content=" ")]
    tokens[at].tag = tokens[end].tag = "aside"
    tokens[at].attrs = {"class": f"verdict {kind}"}
    for token in tokens[at + 1 : end]:
        token.hidden = token.type.startswith("paragraph")


def _table(renderer: Any, tokens: Sequence[Token], at: int, options: Any, held: Any) -> str:
    return '<div class="wide" tabindex="0">\n<table>\n'


def _tabled(renderer: Any, tokens: Sequence[Token], at: int, options: Any, held: Any) -> str:
    return "</table>\n</div>\n"


def _fence(renderer: Any, tokens: Sequence[Token], at: int, options: Any, held: Any) -> str:
    text = tokens[at].content.removesuffix("\n")
    if tokens[at].info == "formula":
        return f'<p class="formula">{escape(text)}</p>\n'
    return f"<pre><code>{_whole(text)}</code></pre>\n"


def _code(renderer: Any, tokens: Sequence[Token], at: int, options: Any, held: Any) -> str:
    return f"<code>{_whole(tokens[at].content)}</code>"


def _figure(renderer: Any, tokens: Sequence[Token], at: int, options: Any, held: Any) -> str:
    token, known = tokens[at], held["pictures"]
    name = str(token.attrs["src"])
    if name not in known:
        raise InputError(f"the page shows a picture {name!r}: expected one of {', '.join(known) or 'none'}")
    kind, width, height = measure(known[name])
    caption = renderer.renderInline(token.children, options, held)
    words = escape(str(token.attrs.get("title") or _plain(token.children or [])))
    dense = ' class="dense"' if width > 660 else ""
    source = f"data:image/{kind};base64,{base64.b64encode(known[name]).decode()}"
    image = f'<img src="{source}" width="{width}" height="{height}" alt="{words}"{dense}>'
    below = f"<figcaption>{caption}</figcaption>\n" if caption else ""
    return f'<figure>\n<div class="wide">{image}</div>\n{below}</figure>\n'


def _whole(text: str) -> Markup:
    """Keep an option such as --hidden on one line, which browsers would break at its dashes."""
    return Markup(re.sub(r"(?<!\S)-\S+", r"<span>\g<0></span>", str(escape(text))))


def measure(data: bytes) -> tuple[str, int, int]:
    """Return the kind, width and height of the bytes of a PNG or GIF file."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) > 24:
        return "png", int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) > 10:
        return "gif", int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    raise InputError(f"a picture that starts with {data[:8]!r}: expected the bytes of a PNG or GIF file")
