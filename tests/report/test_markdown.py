"""Markdown in, a page out: its conventions, and that nothing that fills a template is taken for Markdown."""

import numpy as np
import pytest

from harmonium import plots
from harmonium.errors import InputError
from harmonium.report.markdown import escaped, fence, to_html
from harmonium.report.template import fill

PICTURES = {"a.png": plots.png(np.zeros((2, 3), np.uint8))}
HARD = '1. *a* _b_ **c** `d` [e](f) ![g](h) <i> &amp; | j \\ # > ~ "k" −1 2^(m+n) ⟨v hᵀ⟩_data p(x|h)\n\n- l\n# m'
ALONE = ["# x", "> x", "```x", "- x", "1. x", "| x |\n|---|", "Table: x", "[!fault] x", "---", "===", "x\n---"]


def body(text: str) -> str:
    page = to_html(f"# t\n\n{text}", PICTURES)
    return page[page.index("</h1>") + 5 : page.index("</main>")].strip()


def filled(tmp_path, template: str, **held) -> str:
    (tmp_path / "page.md").write_text(template)
    return fill(tmp_path, "page.md", **held)


def shown(tmp_path, value: object, template: str = "{{ value }}") -> str:
    return body(filled(tmp_path, template, value=value))


@pytest.mark.parametrize("text", [HARD, *ALONE])
def test_what_fills_a_hole_is_text_wherever_it_stands(tmp_path, text):
    words = " ".join(text.split())
    html = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    assert shown(tmp_path, text) == f'<p class="lead">{html}</p>'
    assert f"<td>{html}</td>" in shown(tmp_path, text, "## s\n\n| a |\n|---|\n| {{ value }} |")
    assert f"<h2>{html}</h2>" in shown(tmp_path, text, "## {{ value }}")
    assert f"<figcaption>{html}</figcaption>" in shown(tmp_path, text, "## s\n\n![{{ value }}](a.png)")
    assert f"</strong> {html}</aside>" in shown(tmp_path, text, "## s\n\n> [!note] {{ value }}")


@pytest.mark.parametrize(
    ("hole", "value", "text"),
    [
        ("", 1797, "1,797"), ("", -3, "−3"), ("", -0.5, "−0.5"), ("", None, "–"), ("", 1e-4, "0.0001"),
        ("| fixed", -1234.567, "−1,234.57"), ("| fixed(0)", 0.4, "0"), ("| fixed", None, "–"), ("| fixed", "inf", "∞"),
        ("| fixed", "-inf", "−∞"), ("| fixed", "nan", "nan"), ("| significant", 2.06115e-9, "2.061e-09"),
        ("| significant", "nan", "nan"), ("| plus", 0.04, "0.0"), ("| plus", -0.04, "0.0"), ("| plus", 1.26, "+1.3"),
        ("| plus", -1.26, "−1.3"), ("| small", 0.1234, "0.123"), ("| small", 3e-5, "3e-05"), ("| small", 0.0, "0"),
        ("| percent", 0.0139, "1.39 %"), ("| percent(0)", 0.556, "56 %"),
        ("| span", [1.0, -2.5], "−2.50\u00a0to\u00a01.00"),
        ("| span(0, 100)", [0.1, 0.2], "10\u00a0to\u00a020"), ("| whole", "CD-1 a", "CD\u20111\u00a0a"),
        ("| opening", "the CD-1", "The CD-1"), ("| listed", [500, 2000], "500, 2,000"), ("| listed(' → ')", [3], "3"),
    ],
)  # fmt: skip
def test_numbers_are_written_by_the_filters(tmp_path, hole, value, text):
    assert filled(tmp_path, f"{{{{ value {hole} }}}}", value=value).replace("\\", "") == text


def test_a_macro_and_a_kept_piece_are_escaped_once(tmp_path):
    template = "{% macro m(x) %}*{{ x }}*{% endmacro %}{% set a %}{{ m(value) }}{% endset %}{{ a }} {{ m(value) }}"
    assert shown(tmp_path, "a_b*", template) == '<p class="lead"><em>a_b*</em> <em>a_b*</em></p>'


def test_a_caption_goes_into_its_table_and_columns_set_right_hold_numbers():
    html = body(
        "## s\n\nTable: The *two*.\n\n| a | b |\n|---|--:|\n| x | −1 |\n| x\\|y | `p|q` |".replace("`p|q`", "`p\\|q`")
    )
    assert "<table>\n<caption>The <em>two</em>.</caption><thead>" in html.replace("</caption>\n", "</caption>")
    assert '<th scope="col" class="number">b</th>' in html
    assert '<td class="number">−1</td>' in html
    assert "<td>x|y</td>" in html
    assert "<code>p|q</code>" in html


def test_a_table_at_the_head_is_the_facts_and_the_paragraphs_lead():
    html = body("one `a`\n\n| | |\n|---|---|\n| x | `y` |\n\n## s")
    assert '<p class="lead">one <code>a</code></p>' in html
    assert "<dt>x</dt><dd><code>y</code></dd>" in html


def test_formulas_and_code_are_shown_as_they_are():
    html = body("## s\n\n```formula\na_b*c*  <d>\n```\n\n" + fence("x = `y` ``` z", "python"))
    assert '<p class="formula">a_b*c*  &lt;d&gt;</p>' in html
    assert "<pre><code>x = `y` ``` z</code></pre>" in html


def test_markup_links_and_lists_stay_text():
    html = body("## s\n\n<b>x</b> [a](http://b)\n\n- c\n\n1. d")
    assert "<p>&lt;b&gt;x&lt;/b&gt; [a](http://b)</p>\n<p>- c</p>\n<p>1. d</p>" in html


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no title", "no title"),
        ("# t\n\n## s\n\n> [!good] x", "'good': expected one of exact"),
        ("# t\n\n## s\n\n> said", "expected one of exact"),
        ("# t\n\n## s\n\nTable: x\n\ny", "expected a table right below"),
        ("# t\n\n## s\n\nTable: x", "expected a table right below"),
        ("# t\n\n## s\n\n![x](b.png)", "a picture 'b.png': expected one of a.png"),
    ],
)
def test_bad_markdown_is_told_in_one_line(text, words):
    with pytest.raises(InputError, match=words) as caught:
        to_html(text, PICTURES)
    assert "\n" not in str(caught.value)


def test_escaped_text_is_one_line_and_no_code_however_far_it_is_set_in(tmp_path):
    assert "\n" not in escaped("a\n  b")
    assert shown(tmp_path, "    x") == '<p class="lead">x</p>'
