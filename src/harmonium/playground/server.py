"""The server of the playground: a page, a socket, and a clean end."""

import asyncio
import secrets
import socket as sockets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from ..errors import InputError
from . import asks
from .guard import REPORT_POLICY, Guard
from .patient import Patient

if TYPE_CHECKING:
    from .house import House

STATIC = Path(__file__).parent / "static"
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".json": "application/json",
         ".svg": "image/svg+xml", ".png": "image/png"}  # fmt: skip
FILES = {
    f"/{file.name}": file for file in sorted(STATIC.glob("*")) if file.suffix in KINDS and "exported" not in file.stem
}
"""All that is served, by its address."""
TABS, CONNECTIONS = 32, 128  # sockets, and connections of any kind, at most
WORKERS = 4  # threads that answer
GREETING = 5.0  # seconds in which a socket must say the token
PORTS = 20  # that are tried one after the other
LOCAL = ("127.0.0.1", "localhost", "[::1]")


class Playground:
    """A playground that is served until it is closed.

    Args:
        at: a run, a model file, or data; the digits unless given.
        host: the address that it listens on; others than this machine can reach it where that is none of its own.
        port: the port, or where it is taken one of the next; 0 takes any.
        complain: what takes a line about something that has failed.

    Raises:
        InputError: where no port is free, or the address is none of this machine.

    Example:
        >>> from harmonium.playground import Playground
        >>> with Playground("digits", port=0) as playground:
        ...     print(playground.url.partition("#")[0].startswith("http://127.0.0.1:"))
        True
    """

    def __init__(
        self,
        at: str | Path = "digits",
        *,
        host: str = "127.0.0.1",
        port: int = 8765,
        complain: Callable[[str], None] = lambda line: None,
    ):
        self.at, self.token, self._complain = str(at), secrets.token_urlsafe(24), complain
        self.over, self.failure = threading.Event(), None  # type: threading.Event, BaseException | None
        self._socket = listening(host, port)
        port = self._socket.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        self.hosts = [f"{name}:{port}" for name in dict.fromkeys((shown, *LOCAL))]
        self.url = f"http://{self.hosts[0]}/#{self.token}"
        self._pool = ThreadPoolExecutor(WORKERS, "answering")
        self._tabs = 0
        self._server = uvicorn.Server(self._settings())
        self._thread = threading.Thread(target=self._serve, name="serving", daemon=True)
        self._house: House | None = None

    def __enter__(self) -> "Playground":
        self._thread.start()
        threading.Thread(target=self._open_house, name="opening", daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _open_house(self) -> None:
        """Make the house, which brings torch in, while the page is there already."""
        try:
            from .house import House

            self._house = House(self.at, self.fail, self._complain)
            if self.over.is_set():
                self._house.close()
        except BaseException as error:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """End it for a reason."""
        self.failure = error
        self.over.set()

    def stop(self, code: int = 0) -> None:
        """Let `wait` return."""
        self.code = code
        self.over.set()

    def wait(self) -> None:
        """Wait until it is stopped; raises what has made it impossible to go on."""
        self.over.wait()
        if self.failure is not None:
            raise self.failure

    def close(self) -> list[str]:
        """End it: save a training that goes on, and return where it lies."""
        self.over.set()
        saved = self._house.close() if self._house is not None else []
        self._house = None
        self._server.should_exit = True
        self._thread.join()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._socket.close()
        return saved

    # Serving ----------------------------------------------------------------------------------------------------------

    def _settings(self) -> uvicorn.Config:
        return uvicorn.Config(
            self.app(), http=Patient, ws="websockets-sansio", ws_max_size=asks.LARGEST, ws_per_message_deflate=False,
            limit_concurrency=CONNECTIONS, lifespan="off", log_config=None, log_level="critical", access_log=False,
            server_header=False, date_header=False, timeout_graceful_shutdown=1, timeout_keep_alive=5,
            proxy_headers=False,
        )  # fmt: skip

    def app(self) -> Guard:
        """Return what answers requests."""
        pages = [Route(address, page) for address in FILES]
        routes = [
            Route("/", page), *pages, Route("/report/{key}", self._report), WebSocketRoute("/ws", self._talk),
        ]  # fmt: skip
        return Guard(Starlette(routes=routes), self.hosts)

    def _serve(self) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[self._socket]))
        except BaseException as error:
            self.fail(error)

    async def _report(self, request: Request) -> Response:
        path = self._house.reports.get(request.path_params["key"]) if self._house is not None else None
        if path is None:
            return Response(status_code=404)
        headers = {"content-security-policy": REPORT_POLICY}
        return Response(path.read_bytes(), media_type="text/html", headers=headers)

    async def _talk(self, socket: WebSocket) -> None:
        """Answer the messages of one tab, one after the other."""
        await socket.accept()
        if self._tabs >= TABS:
            await socket.close(4429)
            return
        self._tabs += 1
        try:
            with suppress(WebSocketDisconnect):
                await self._converse(socket)
        finally:
            self._tabs -= 1

    async def _converse(self, socket: WebSocket) -> None:
        first = await greeting(socket, self.token)
        if first is None:
            await socket.close(4401)
            return
        house = await self._ready()
        from .tab import Tab

        tab, loop = Tab(house), asyncio.get_running_loop()
        try:
            text: str | None = first
            while text is not None:
                await socket.send_bytes(await loop.run_in_executor(self._pool, tab.reply, text))
                text = await heard(socket)
            await socket.close(1003)
        finally:
            tab.gone = True

    async def _ready(self) -> "House":
        """Return the house, once it is there."""
        while self._house is None:
            if self.over.is_set():
                raise WebSocketDisconnect(1001)
            await asyncio.sleep(0.05)
        return self._house


async def page(request: Request) -> Response:
    """Return a file of the page."""
    file = FILES.get("/index.html" if request.url.path == "/" else request.url.path)
    if file is None:
        return Response(status_code=404)
    return Response(file.read_bytes(), media_type=KINDS[file.suffix])


async def greeting(socket: WebSocket, token: str) -> str | None:
    """Return the first message of a socket, if it knows the token and says it in time."""
    try:
        text = await asyncio.wait_for(heard(socket), GREETING)
        first = asks.read(text or "")
    except (TimeoutError, InputError):
        return None
    known = isinstance(first, asks.Hello) and secrets.compare_digest(first.token.encode(), token.encode())
    return text if known else None


async def heard(socket: WebSocket) -> str | None:
    """Return the next message, or nothing where it is no text; raises `WebSocketDisconnect` at the end."""
    message: dict[str, Any] = dict(await socket.receive())
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    return message.get("text")


def is_local(host: str) -> bool:
    """Say whether an address is reached from this machine alone."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def listening(host: str, port: int) -> sockets.socket:
    """Return a socket that listens on the first free port from one on; raises `InputError` where there is none."""
    family = sockets.AF_INET6 if ":" in host else sockets.AF_INET
    if host in ("0.0.0.0", "::"):
        raise InputError(f"--host {host} is every address of this machine: give the one that others use")
    for number in [port] if port == 0 else range(port, min(port + PORTS, 2**16)):
        made = sockets.socket(family, sockets.SOCK_STREAM)
        try:
            made.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
            made.bind((host, number))
            made.listen(CONNECTIONS)
        except OSError as error:
            made.close()
            if error.errno not in (98, 48, 13):
                raise InputError(f"--host {host} cannot be listened on ({error.strerror or error})") from None
            continue
        return made
    raise InputError(f"ports {port} to {port + PORTS - 1} are taken: pass another --port")
