"""What the page is to the server, without a browser."""

import json
import time

from websockets.sync.client import connect

from harmonium.playground.wire import unpack


class Page:
    """What the page is to the server: a socket that has said the token."""

    def __init__(self, playground):
        self.playground, self.count = playground, 0
        base = playground.url.partition("#")[0]
        self.socket = connect(f"ws{base[4:]}ws", origin=base[:-1], legacy=True, max_size=None)

    def ask(self, type, **fields):
        """Return the head and the arrays of an answer."""
        self.count += 1
        self.socket.send(json.dumps({"type": type, "n": self.count, **fields}))
        head, arrays = unpack(self.socket.recv(timeout=60))
        assert head.pop("n") == self.count
        return head, arrays

    def greet(self):
        """Say the token and return what is said of the model, when it is there."""
        found, _ = self.ask("hello", token=self.playground.token)
        while not found["ready"]:
            time.sleep(0.05)
            found, _ = self.ask("hello", token=self.playground.token)
        return found
