import json
import math
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

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
