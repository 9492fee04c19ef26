"""The commands, each imported when it is called, and what their failures cost."""

import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from ..errors import DivergenceError, InputError, SaveError, WorkerLostError
from ..registry import load_plugins
from . import console

COMMANDS = {
    "train": ("training", "Train a model on digits, mnist, fashion-mnist or a file of your own, and report on it."),
    "finetune": ("training", "Train all layers of a run together: up-down, or a classifier by back-propagation."),
    "evaluate": ("using", "Tell the log-likelihood of rows, with its error, verdict and baseline."),
    "sample": ("using", "Draw new rows, of a label if you like: a picture, an array, or a GIF of the chains."),
    "recover": ("using", "Hide pixels or flip bits, restore them (imputation, denoising), and compare with the truth."),
    "classify": ("rows", "Read the labels of rows, and count how many are right."),
    "score": ("rows", "Tell log p of every row, with its bracket: which rows are surprising."),
    "features": ("rows", "Give the means of the hidden units given every row."),
    "reconstruct": ("rows", "Give every row after a pass up and down."),
    "impute": ("rows", "Fill in what is missing in the rows of a file (imputation)."),
    "compare": ("comparing", "Compare samples with held-out rows: columns, pairs, a classifier, copies."),
    "weights": ("using", "Draw what each hidden unit looks for: its receptive field."),
    "export": ("using", "Write a model as one HTML page that draws and dreams in a browser, without Python."),
    "play": ("play", "Open the playground: draw on a model, look inside it, and watch one learn, in the browser."),
    "report": ("using", "Write the report of a run again."),
    "info": ("using", "Tell what a run or a model file is: its passport."),
    "reproduce": ("about", "Repeat a published experiment and set our figures beside the source's."),
    "data": ("about", "List the data sets, or check a file."),
    "doctor": ("about", "Tell what is installed, what is found, and whether it works."),
}


def make_app() -> App:
    """Return the application."""
    app = App(name="harmonium", help="Boltzmann machines: train, sample and evaluate them.", version=_version)
    for name, (file, text) in COMMANDS.items():
        app.command(f"harmonium.cli.{file}:{name}", name=name, help=text)
    return app


def _version() -> str:
    from importlib.metadata import version

    return version("harmonium")


class Interrupted(Exception):
    """A signal asked the work to end; what was done is saved."""

    def __init__(self, code: int):
        super().__init__(code)
        self.code = code


def run(words: Sequence[str] | None = None) -> None:
    """Run one command, that of the process unless given, and exit unless all went well."""
    try:
        load_plugins()
        make_app()(words, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        sys.exit(console.fail(complaint(error), 2))
    except InputError as error:
        sys.exit(console.fail(str(error), 2))
    except DivergenceError as error:
        sys.exit(console.fail(str(error), 3))
    except SaveError as error:
        sys.exit(console.fail(str(error), 4))
    except WorkerLostError as error:
        sys.exit(console.fail(str(error), 5))
    except Interrupted as asked:
        sys.exit(asked.code)
    except BrokenPipeError:
        sys.exit(0)


def complaint(error: CycloptsError) -> str:
    """Return a usage error as one line, with where to look."""
    from pydantic import ValidationError

    cause = error.__cause__
    if isinstance(cause, ValidationError):
        from ..fitting.config import explain

        return "--" + explain(cause).replace("_", "-", 1)
    return " ".join(str(error).split()).rstrip(".") + "; see `harmonium --help`"
