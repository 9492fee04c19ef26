"""The commands, each imported when it is called, and what their failures cost."""

import signal
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from ..errors import DivergenceError, InputError, SaveError, WorkerLostError
from . import console

COMMANDS = {
    "train": "Train a machine on digits, mnist, fashion-mnist or a file of your own, and report on it.",
    "evaluate": "Tell the log-likelihood of a run, with its error, verdict and baseline.",
    "sample": "Draw new rows: a picture, an array, or a GIF of the chains.",
    "recover": "Fill in hidden pixels, or take out noise, and compare with the truth.",
    "classify": "Read the labels of rows, and count how many are right.",
    "sample_label": "Draw rows of a given label.",
    "finetune": "Train all layers of a run together: up-down, or back-propagation.",
    "weights": "Draw what each hidden unit looks for.",
    "report": "Write the report of a run again.",
    "reproduce": "Repeat a published experiment and set our figures beside the source's.",
    "data": "List the data sets, or check a file.",
    "doctor": "Tell what is installed, what is found, and whether it works.",
}


def make_app() -> App:
    """Return the application."""
    app = App(name="harmonium", help="Boltzmann machines: train, sample and evaluate them.", version=_version)
    for name, text in COMMANDS.items():
        app.command(f"harmonium.cli.{name}:{name}", name=name, help=text)
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
    if words is None:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
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
        from ..runs.config import explain

        return "--" + explain(cause).replace("_", "-", 1)
    return " ".join(str(error).split()).rstrip(".") + "; see `harmonium --help`"
