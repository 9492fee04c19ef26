"""The words of the project hold: blocks and examples run, commands parse and give what their calls give, links lead
somewhere.
"""

import copy
import json
import re
import runpy
import shlex
import sys
from dataclasses import asdict
from inspect import Parameter
from pathlib import Path

import pytest
import torch

import harmonium as hm
from harmonium import cli, registry
from harmonium.cli.app import COMMANDS, make_app
from marks import slow_but
from streams import untouched

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
QUICK = ("data list", "data check digits", "reproduce list")
REGISTRIES = [thing for thing in vars(registry).values() if isinstance(thing, registry.Registry)]


@pytest.fixture
def apart(tmp_path, monkeypatch):
    """Work in an empty directory, and leave neither entries nor draws behind."""
    monkeypatch.chdir(tmp_path)
    before, entries = torch.get_rng_state(), [dict(one._entries) for one in REGISTRIES]
    yield tmp_path
    torch.set_rng_state(before)
    for one, known in zip(REGISTRIES, entries, strict=True):
        one._entries = known


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


@pytest.fixture(scope="session")
def known_runs():
    return {}


@pytest.fixture
def shared_fit(known_runs, monkeypatch):
    """Let pages that train the same run in memory share it."""
    train = hm.fit

    def fit(rows, labels=None, **settings):
        if not isinstance(rows, str) or rows != "digits" or "out" in settings:
            return train(rows, labels, **settings)
        key = repr((rows, labels, sorted(settings.items())))
        if key not in known_runs:
            known_runs[key] = train(rows, labels, **settings)
        return copy.deepcopy(known_runs[key])

    monkeypatch.setattr(hm, "fit", fit)


@pytest.mark.parametrize("page", slow_but([page for page in PAGES if blocks(page, "python")], [PAGES[0]]), ids=name)
def test_the_python_blocks_of_a_page_run_from_top_to_bottom(page, apart, shared_fit):
    space = {"__name__": page.stem}
    for block in blocks(page, "python"):
        exec(compile(block, str(page), "exec"), space)


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=name)
def test_an_example_runs_touches_no_global_stream_and_writes_what_it_names(example, apart, monkeypatch, capsys):
    quick = ["--quick"] if example.stem == "gan_comparison" else []
    monkeypatch.setattr(sys, "argv", [str(example), *quick])
    with untouched():
        runpy.run_path(str(example), run_name="__main__")
    told = capsys.readouterr()
    assert told.out.strip()
    assert told.err == ""
    named = set(re.findall(r"\w+\.(?:png|safetensors|json)", told.out))
    assert named == {file.name for file in apart.iterdir()}


SHOWN = [(page, line) for page in PAGES for line in commands(page)]


@pytest.mark.parametrize(("page", "line"), SHOWN, ids=name)
def test_a_command_that_a_page_shows_is_understood(page, line):
    words = shlex.split(line, comments=True)
    _, bound, _ = make_app().parse_args(words, exit_on_error=False, print_error=False)
    assert words[0] in COMMANDS
    assert bound.arguments or len(words) == 1


@pytest.mark.parametrize("line", QUICK)
def test_a_quick_command_that_the_pages_show_runs(line, apart, capsys):
    assert any(shown.partition("#")[0].strip() == line for _, shown in SHOWN)
    cli.main(line.split())
    told = capsys.readouterr()
    assert told.out.strip()
    assert told.err == ""


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A small run with labels, by the command line and by the library."""
    folder = tmp_path_factory.mktemp("runs")
    small = "--hidden 6 --labels --epochs 2 --seed 1 --no-report"
    cli.main(["train", "digits", *small.split(), "--out", str(folder / "command")])
    hm.fit("digits", hidden=6, labels=True, epochs=2, seed=1, out=folder / "call")
    return folder


def figures(told):
    return {key: value for key, value in json.loads(told).items() if key != "seconds"}


PAIRS = {
    "train": ("", lambda run: run.save("call.bin")),
    "evaluate": ("--json", lambda run: run.evaluate().to_json()),
    "sample": (
        "--count 3 --gibbs-steps 5 --label 7 --out command.npy",
        lambda run: run.sample(3, 5, label=7, out="call.npy"),
    ),
    "recover": (
        "--mask left --count 3 --gibbs-steps 6 --json",
        lambda run: json.dumps(run.recover(mask="left", count=3, gibbs_steps=6).figures),
    ),
    "classify": ("--json", lambda run: json.dumps(run.classify().to_dict())),
    "finetune": (
        "--method classifier --epochs 1 --no-report --out command",
        lambda run: run.finetune("classifier", epochs=1, out="call"),
    ),
    "weights": ("--count 4 --out command.png", lambda run: run.weights(4, out="call.png")),
    "export": ("command.html", lambda run: run.export("call.html")),
    "info": ("--json", lambda run: json.dumps(run.info())),
}


@pytest.mark.parametrize("command", PAIRS)
def test_a_command_gives_the_bytes_of_the_call_beside_it(command, trained, apart, capsys):
    words, call = PAIRS[command]
    run = hm.load(trained / "call")
    told = call(run)
    if command == "train":
        Path("command.bin").write_bytes((trained / "command" / "model.safetensors").read_bytes())
    else:
        cli.main([command, str(trained / "call"), *words.split()])
    if "--json" in words:
        assert figures(capsys.readouterr().out) == figures(told)
    made = {file.relative_to(apart) for file in apart.rglob("*") if file.suffix in (".bin", ".npy", ".png", ".html")}
    made |= {file.relative_to(apart) for file in apart.rglob("model.safetensors")}
    pairs = [(file, Path(str(file).replace("call", "command", 1))) for file in made if str(file).startswith("call")]
    assert pairs or "--json" in words
    for ours, theirs in pairs:
        assert ours.read_bytes() == theirs.read_bytes()


def test_the_check_of_a_file_gives_what_its_call_gives(apart, capsys):
    cli.main("data check digits --json".split())
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(asdict(hm.data.check("digits"))))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_of_commands_names_every_option(command):
    page = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", page, flags=re.MULTILINE)
    section = next(part for part in sections if part.startswith(f"{command}\n"))
    options = [argument for argument in make_app()[command].assemble_argument_collection() if argument.show]
    known = {word for option in options for word in option.names}
    wanted = {option.names[0] for option in options if option.field_info.kind is Parameter.KEYWORD_ONLY}
    told = set(re.findall(r"(?<![\w-])(?:--[a-z][a-z0-9-]*|-[a-z]\b)", section))
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
