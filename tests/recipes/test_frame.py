import json
import math
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from harmonium import recipes
from harmonium.errors import InputError


@pytest.mark.parametrize("name", recipes.NAMES)
def test_every_recipe_has_its_file_and_its_module(name):
    found = recipes.recipe(name)
    assert found.name == name
    assert all(isinstance(text, str) and text.strip() for text in (found.title, found.source, found.about))
    assert found.settings
    assert found.source_figures
    assert set(found.quick) <= set(found.settings)
    assert callable(import_module(f"harmonium.recipes.{recipes.ROOMS[name].name}.experiment").carry_out)
    assert (recipes.ROOMS[name] / "page.md").is_file()


@pytest.mark.parametrize("name", recipes.NAMES)
def test_no_template_runs_two_lines_together(name):
    """The newline after a block tag is dropped, so a tag that ends a line of text would glue the next line to it."""
    for line in (recipes.ROOMS[name] / "page.md").read_text().splitlines():
        assert line == line.rstrip()
        text = re.sub(r"{%.*?%}|^.*\)\] %}$", "", line)
        assert not text.strip() or not line.endswith("%}") or line.endswith(("+%}", "{% endmacro %}")), line


def test_a_page_says_nothing_that_is_not_in_its_figures_and_pictures(tmp_path):
    settings = recipes.plan("walkthrough", quick=True) | {"updates": 3, "points": 2, "draws": 50, "chain_steps": 2}
    page = recipes.perform("walkthrough", settings, tmp_path / "one")
    (tmp_path / "two").mkdir()
    for path in (tmp_path / "one").iterdir():
        if path.suffix in (".json", ".png"):
            (tmp_path / "two" / path.name).write_bytes(path.read_bytes())
    assert recipes.write_page("walkthrough", tmp_path / "two").read_bytes() == page.read_bytes()


def test_a_figure_that_the_page_asks_for_and_nobody_measured_is_an_error(tmp_path):
    (tmp_path / "figures.json").write_text('{"settings": {}, "figures": {}}')
    with pytest.raises(UndefinedError):
        recipes.write_page("ising", tmp_path)


def test_an_unknown_recipe_is_told_with_a_suggestion():
    with pytest.raises(InputError, match=r"no recipe 'walk-through'.*did you mean 'walkthrough'") as caught:
        recipes.recipe("walk-through")
    assert "\n" not in str(caught.value)


def test_the_plan_is_the_recipe_then_quick_then_the_caller():
    found = recipes.recipe("walkthrough")
    full, quick = recipes.plan("walkthrough"), recipes.plan("walkthrough", quick=True, data_dir="d", seed=7)
    extra = {"seed": 0, "data_dir": None, "quick": False}
    assert full == {**extra, **found.settings}
    assert quick == {**found.settings, **found.quick, "seed": 7, "data_dir": "d", "quick": True}


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    path = tmp_path / "taken"
    path.write_text("mine")
    with pytest.raises(InputError, match="taken is a file where a folder"):
        recipes.reproduce("walkthrough", path)
    assert path.read_text() == "mine"


def test_listing_the_recipes_does_not_import_torch():
    code = (
        "import sys; from harmonium import recipes; [recipes.recipe(n) for n in recipes.NAMES];"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], env=dict(os.environ), check=False).returncode == 0


def test_figures_are_plain_json(tmp_path):
    held = {"a": math.nan, "b": [math.inf, -math.inf, (1, 0.5)], "c": {2: None}}
    path = recipes.write_figures(tmp_path, {"data_dir": Path("x") / "y"}, held)
    assert json.loads(path.read_text(), parse_constant=pytest.fail) == {
        "settings": {"data_dir": str(Path("x") / "y")},
        "figures": {"a": "nan", "b": ["inf", "-inf", [1, 0.5]], "c": {"2": None}},
    }
