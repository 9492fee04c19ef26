"""Nothing imports upward; `import harmonium` is light; the command line starts without torch; numerics alone draws."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "harmonium"
FLOORS = [
    {"errors", "progress", "unfinished"},
    {"registry", "arguments"},
    {"numerics"},
    {"data", "plots"},
    {"units"},
    {"machines"},
    {"sampling"},
    {"training", "evaluation", "storage", "encoding"},
    {"fitting"},
    {"report", "playground", "estimators"},
    {"recipes"},
    {"cli"},
    {"__main__"},
]
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


def room_of(file: Path) -> str:
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_rooms(file: Path) -> set[str]:
    package = ("harmonium", *file.relative_to(SOURCE).parts[:-1])
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.Import):
            paths = [name.split(".") for name in names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            stem = base + (node.module.split(".") if node.module else [])
            paths = [[*stem, name] for name in names]
        else:
            continue
        found |= {path[1] for path in paths if path[0] == "harmonium" and len(path) > 1}
    return found & LEVEL.keys()


FILES = [file for file in sorted(SOURCE.rglob("*.py")) if file.name != "__init__.py" or file.parent != SOURCE]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_imports_go_down(file):
    own = room_of(file)
    assert own in LEVEL, f"{own} is on no floor: add it to the design"
    for room in imported_rooms(file) - {own}:
        assert LEVEL[room] < LEVEL[own], f"{own} (floor {LEVEL[own]}) imports {room} (floor {LEVEL[room]})"


def test_the_check_sees_an_upward_import(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "SOURCE", tmp_path)
    (tmp_path / "units").mkdir()
    file = tmp_path / "units" / "bad.py"
    file.write_text("from ..machines import RBM\nfrom harmonium import training\nimport harmonium.cli.app\n")
    assert imported_rooms(file) == {"machines", "training", "cli"}


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(' '.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.slow
def test_machines_samplers_and_estimates_need_torch_numpy_and_safetensors_alone():
    loaded = modules_after("import harmonium as h; h.RBM; h.PCD; h.train; h.evaluation")
    assert "torch" in loaded
    assert not loaded & {"matplotlib", "sklearn", "rich", "cyclopts", "pydantic", "jinja2", "PIL", "pooch"}


@pytest.mark.slow
def test_fitting_needs_no_pictures_pages_or_command_line():
    loaded = modules_after("from harmonium import *; import harmonium as h; h.fit; h.Trainer; h.load")
    assert "pydantic" in loaded
    assert not loaded & {"matplotlib", "sklearn", "rich", "cyclopts", "jinja2", "PIL", "pooch"}


def test_the_command_line_starts_without_torch():
    loaded = modules_after("from harmonium.cli.app import make_app; make_app()")
    assert "torch" not in loaded
    assert "numpy" not in loaded


def test_only_the_console_prints():
    for file in FILES:
        if file.name == "console.py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            printed = isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.stdout.write")
            assert not printed, f"{file} prints"


PRINTED = {  # what others wrote, kept as it stands or begun as they begin it
    "recipes/rbm_mnist_128/experiment.py",
    "recipes/rbm_mnist_500/experiment.py",
    "recipes/walkthrough/article.py",
    "recipes/walkthrough/faults.py",
}
TORCH_DRAWS = {
    f"torch.{word}"
    for word in (
        "rand randn randint rand_like randn_like randint_like randperm bernoulli binomial multinomial normal poisson "
        "manual_seed seed set_rng_state dropout nn.functional.dropout"
    ).split()
}
METHOD_DRAWS = set(
    "normal_ exponential_ uniform_ bernoulli_ random_ geometric_ cauchy_ log_normal_ bernoulli multinomial".split()
)
STARTS_AT_RANDOM = {f"{home}{layer}" for home in ("", "nn.", "torch.nn.") for layer in ("Linear", "Embedding")}
FIXED = re.compile(r"(np|numpy)\.random\.default_rng\(\d+\)")


def draws(node: ast.AST) -> bool:
    """Say whether a piece of code draws random numbers itself; a numpy order of a fixed seed is no draw."""
    if isinstance(node, ast.Import):
        return any(alias.name == "random" for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return node.module in ("random", "numpy.random") and not node.level
    if not isinstance(node, ast.Call):
        return False
    called = ast.unparse(node.func)
    home, _, method = called.rpartition(".")
    if home in ("nn.init", "torch.nn.init"):
        return method not in ("zeros_", "constant_")
    if called.startswith(("np.random", "numpy.random")):
        return not (FIXED.fullmatch(ast.unparse(node)) or FIXED.fullmatch(home))
    return called in TORCH_DRAWS | STARTS_AT_RANDOM or (method in METHOD_DRAWS and bool(home) and home != "numerics")


def draws_in(code: str) -> list[str]:
    return [ast.unparse(node) for node in ast.walk(ast.parse(code)) if draws(node)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_only_numerics_draws(file):
    if room_of(file) == "numerics" or str(file.relative_to(SOURCE)) in PRINTED:
        return
    assert not draws_in(file.read_text())


@pytest.mark.parametrize(
    "line",
    [
        "torch.randn(3, generator=g)", "weight.normal_(0, 1)", "nn.Linear(2, 3)", "np.random.default_rng(seed)",
        "np.random.rand(2)", "import random", "from random import choice", "torch.nn.init.xavier_uniform_(w)",
        "torch.manual_seed(1)", "x = [p.exponential_() for p in q]", "np.random.default_rng()",
    ],
)  # fmt: skip
def test_the_check_sees_a_draw(line):
    assert draws_in(line)


@pytest.mark.parametrize(
    "line",
    [
        "numerics.normal(x)",
        "np.random.default_rng(0).permutation(9)",
        "torch.nn.init.zeros_(w)",
        "skip_init(nn.Linear)",
    ],
)
def test_the_check_lets_other_lines_be(line):
    assert not draws_in(line)
