"""A command in this process: what it prints and its exit code."""

import contextlib
import io
import subprocess

from harmonium.cli import main
from streams import untouched


def harmonium(*words, cwd=".") -> subprocess.CompletedProcess:
    """Run a command in a directory; fail where it draws from a global stream, or ends by anything but `SystemExit`."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with untouched(), contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([*map(str, words)])
        except SystemExit as end:
            code = end.code
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())
