"""Who may ask: every request and every socket must come from the page itself, by its exact address."""

from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; sandbox"
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """Refuse what has another Host, or another Origin, or may change something, before any work; 403.

    A page of another site can make a browser send requests here, and by a name of its own that it lets point here
    (rebinding); its Origin, or the Host, tells.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]):
        self.app, self.hosts = app, {host.encode() for host in hosts}
        self.origins = {b"http://" + host for host in self.hosts}
        named = sorted(host for host in hosts if host[0] != "[")  # a policy cannot name IPv6; 'self' is all that it has
        self.policy = POLICY.format(sockets=" ".join(f"ws://{host}" for host in named))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, with the headers of a page that trusts itself alone; or refuse it."""
        if scope["type"] == "lifespan":
            return
        if not self._fine(scope):
            await refuse(scope, send)
            return
        await self.app(scope, receive, self._with_headers(send))

    def _fine(self, scope: Scope) -> bool:
        hosts, origins = (named(scope, name) for name in (b"host", b"origin"))
        socket = scope["type"] == "websocket"
        known = len(hosts) == 1 and hosts[0] in self.hosts
        own = all(origin in self.origins for origin in origins) and len(origins) <= 1 and (bool(origins) or not socket)
        empty = not named(scope, b"transfer-encoding") and named(scope, b"content-length") in ([], [b"0"])
        return known and own and (socket or (scope["method"] in ("GET", "HEAD") and empty))

    def _with_headers(self, send: Send) -> Send:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                more = {"content-security-policy": self.policy, **HEADERS}
                message["headers"] = [
                    *message["headers"],
                    *((k.encode(), v.encode()) for k, v in more.items() if k.encode() not in given),
                ]
            await send(message)

        return guarded


def named(scope: Scope, name: bytes) -> list[bytes]:
    """Return the values of a header."""
    return [value for key, value in scope["headers"] if key == name]


async def refuse(scope: Scope, send: Send) -> None:
    """Answer 403, with nothing else."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "http.response.start", "status": 403, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
