"""What the page is to the server, without a browser."""

import json
import subprocess
import sys
import time
from contextlib import contextmanager

from websockets.sync.client import connect

from harmonium.playground.wire import unpack


class Page:
    """What the page is to the server: a socket that has said the token."""

    def __init__(self, url):
        self.count, self.url = 0, url
        base, _, self.token = url.partition("#")
        self.socket = connect(f"ws{base[4:]}ws", origin=base[:-1], legacy=True, max_size=None)

    def ask(self, type, **fields):
        """Return the head and the arrays of an answer."""
        self.count += 1
        self.socket.send(json.dumps({"type": type, "n": self.count, **fields}))
        head, arrays = unpack(self.socket.recv(timeout=180))
        assert head.pop("n") == self.count
        return head, arrays

    def greet(self):
        """Say the token and return what is said of the model, when it is there."""
        found, _ = self.ask("hello", token=self.token)
        while not found["ready"]:
            time.sleep(0.05)
            found, _ = self.ask("hello", token=self.token)
        return found


@contextmanager
def command(at, cwd):
    """Run `harmonium play` in a process of its own; give it with a page of it."""
    words = [sys.executable, "-m", "harmonium", "play", str(at), "--port", "0", "--no-browser"]
    with subprocess.Popen(words, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            page = Page(process.stdout.readline().removeprefix("playground: ").strip())
            page.greet()
            yield process, page
        finally:
            process.kill()
