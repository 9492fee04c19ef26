"""``harmonium play``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from ..errors import InputError
from ..registry import DATASETS
from . import console, signals
from .app import Interrupted

SAVING = 10.0  # seconds in which a training, which may lie in memory alone, is saved at the end


def play(
    at: str = "digits",
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=0, lt=2**16))] = 8765,
    browser: bool = True,
) -> None:
    """Open the playground in the browser: draw on a model, look inside it, and watch one learn.

    Ctrl-C ends it; a training that goes on is saved as a run.

    Parameters
    ----------
    at
        A run, a model file, or data as `harmonium train` takes them, on which a small machine is trained at once.
    host
        Address to listen on; that of this machine alone unless given.
    port
        Port to listen on, or where it is taken one of the next; 0 takes any.
    browser
        Open the page; --no-browser prints its address alone.
    """
    if at not in DATASETS and not Path(at).expanduser().exists():
        raise InputError(f"{at} does not exist; give a run, a model file, or data: {', '.join(DATASETS)} or a path")
    try:
        from ..playground.server import Playground, is_local
    except ModuleNotFoundError as error:
        raise InputError(f"the playground needs {error.name}: pip install 'harmonium[play]'") from None
    playground = Playground(at, host=host, port=port, complain=console.note)
    if not is_local(host):
        console.note(f"note: whoever reaches {host} and knows the address with its token can use this playground")
    with signals.on_signal(playground.stop, grace=SAVING):
        with playground:
            console.say(f"playground: {playground.url}")
            console.note("Ctrl-C ends it")
            if browser:
                _open(playground.url)
            playground.wait()
            for path in playground.close():
                console.note(f"the training is saved: `harmonium train --resume {path}` goes on")
        raise Interrupted(playground.code)


def _open(url: str) -> None:
    import webbrowser

    if not webbrowser.open(url):
        console.note("no browser was found: open the address above in one")
