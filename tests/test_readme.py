"""The words of the project hold: blocks and examples run, commands parse, links lead somewhere."""

import os
import re
import shlex
import subprocess
import sys
from inspect import Parameter
from pathlib import Path

import pytest

from harmonium.cli.app import COMMANDS, make_app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLAIN = {**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
QUICK = ("data list", "data check digits", "reproduce list")


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a language, each under as many empty lines as stand above it."""
    text = page.read_text(encoding="utf-8")
    found = [m for m in FENCE.finditer(text) if m[1] == language]
    return ["\n" * text.count("\n", 0, m.start(2)) + m[2] for m in found]


def commands(page: Path) -> list[str]:
    lines = "\n".join(blocks(page, "console")).splitlines()
    return [line.removeprefix("$ harmonium ") for line in lines if line.startswith("$ harmonium ")]


def name(value: object) -> str:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else str(value)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=name)
def test_the_python_blocks_of_a_page_run_from_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    space = {"__name__": page.stem}
    for block in blocks(page, "python"):
        exec(compile(block, str(page), "exec"), space)


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=name)
def test_an_example_runs_and_writes_what_it_names(example, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", example], capture_output=True, text=True, cwd=tmp_path, env=PLAIN
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert done.stderr == ""
    named = set(re.findall(r"\w+\.(?:png|safetensors|json)", done.stdout))
    assert named == {file.name for file in tmp_path.iterdir()}


SHOWN = [(page, line) for page in PAGES for line in commands(page)]


@pytest.mark.parametrize(("page", "line"), SHOWN, ids=name)
def test_a_command_that_a_page_shows_is_understood(page, line):
    words = shlex.split(line, comments=True)
    _, bound, _ = make_app().parse_args(words, exit_on_error=False, print_error=False)
    assert words[0] in COMMANDS
    assert bound.arguments or len(words) == 1


@pytest.mark.parametrize("line", QUICK)
def test_a_quick_command_that_the_pages_show_runs(line, tmp_path):
    assert any(shown.partition("#")[0].strip() == line for _, shown in SHOWN)
    call = [sys.executable, "-c", "from harmonium.cli import main; main()", *line.split()]
    done = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path, env=PLAIN)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_of_commands_names_every_option(command):
    page = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", page, flags=re.MULTILINE)
    section = next(part for part in sections if part.startswith(f"{command}\n"))
    options = [argument for argument in make_app()[command].assemble_argument_collection() if argument.show]
    known = {word for option in options for word in option.names}
    wanted = {option.names[0] for option in options if option.field_info.kind is Parameter.KEYWORD_ONLY}
    told = set(re.findall(r"--[a-z][a-z0-9-]*", section))
    assert wanted <= told <= known


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md", ROOT / "examples/README.md"], ids=name)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_gallery_lists_every_example():
    listed = re.findall(r"\]\((\w+\.py)\)", (ROOT / "examples/README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == [example.name for example in EXAMPLES]


def test_the_readme_leads_to_every_page():
    linked = set(re.findall(r"\]\((docs/\w[\w-]*\.md)\)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert linked == {name(page) for page in PAGES if page.parent.name == "docs"}
