"""Nothing imports upward; `import harmonium` is light; the command line starts without torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "harmonium"
FLOORS = [
    {"errors", "progress"},
    {"registry"},
    {"numerics", "data", "plots"},
    {"units"},
    {"machines"},
    {"sampling"},
    {"training", "evaluation", "storage", "encoding"},
    {"fitting"},
    {"report"},
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


def test_importing_the_library_needs_torch_numpy_and_safetensors_alone():
    code = "from harmonium import *; import harmonium as h; h.RBM; h.load; h.train; h.evaluation"
    loaded = modules_after(code)
    assert "torch" in loaded
    assert not loaded & {"matplotlib", "sklearn", "rich", "cyclopts", "pydantic", "jinja2", "PIL", "pooch"}


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


def test_nothing_touches_the_global_stream():
    for file in FILES:
        text = file.read_text()
        assert "torch.manual_seed" not in text, file
        assert "np.random.seed" not in text, file
