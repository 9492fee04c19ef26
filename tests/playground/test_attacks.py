"""What a foreign page, a foreign program or a broken one may send: refused before any work, and the server lives on."""

import json
import socket
import time
from contextlib import closing, suppress

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from harmonium import InputError
from harmonium.playground import asks, patient, server
from harmonium.playground.server import Playground, is_local, listening
from harmonium.playground.wire import unpack
from test_names import WATCH

GOOD = {"Host": "HERE"}
EVIL = ["http://evil.example", "https://HERE", "null", "http://HERE.evil.example", "http://127.0.0.1", "http://localhost:1",
        "file://", "http://evil@HERE", "http://HERE/", "HTTP://HERE", "", "http://127.0.0.2:PORT"]  # fmt: skip
HOSTS = ["evil.example", "127.0.0.1", "127.0.0.1.evil.example:PORT", "0.0.0.0:PORT", "127.0.0.1:1", "[::]:PORT", "",
         "evil.example:PORT", "127.0.0.1:PORT.", "127.1:PORT", "2130706433:PORT", "localhost.:PORT",
         "x@127.0.0.1:PORT"]  # fmt: skip
REQUESTS = {
    **{f"origin {origin}": ("GET / HTTP/1.1", {**GOOD, "Origin": origin}, "") for origin in EVIL},
    **{f"host {host}": ("GET / HTTP/1.1", {"Host": host}, "") for host in HOSTS},
    "spoofed host, foreign origin": ("GET / HTTP/1.1", {"Host": "localhost:PORT", "Origin": "http://evil.example"}, ""),
    "foreign origin with a cookie": ("GET / HTTP/1.1", {**GOOD, "Origin": "http://evil.example", "Cookie": "a=b"}, ""),
    "forwarded host": ("GET / HTTP/1.1", {"Host": "evil.example", "X-Forwarded-Host": "HERE"}, ""),
    "forwarded": ("GET / HTTP/1.1", {"Host": "evil.example", "Forwarded": "host=HERE"}, ""),
    "no host": ("GET / HTTP/1.0", {}, ""),
    "absolute address": ("GET http://evil.example/ HTTP/1.1", {"Host": "evil.example"}, ""),
    "form": ("POST / HTTP/1.1", {**GOOD, "Content-Type": "text/plain", "Content-Length": "3"}, "a=b"),
    "body of a get": ("GET / HTTP/1.1", {**GOOD, "Content-Length": "3"}, "a=b"),
    "chunked": ("GET / HTTP/1.1", {**GOOD, "Transfer-Encoding": "chunked"}, "3\r\na=b\r\n0\r\n\r\n"),
    **{verb: (f"{verb} / HTTP/1.1", GOOD, "") for verb in ("PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT")},
}
PATHS = [
    "/../config.yaml", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/etc/passwd",
    "/server.py", "/static/index.html", "/index.html/..", "/./index.html", "/index.html%00.js", "/report/",
    "/report/..", "/report/x", "/report/../../config.yaml", "/run/config.yaml", "/model.safetensors", "/ws",
    "/C:/windows", "/\\\\host\\share", "/index.html?../../x", "/report/%2e%2e%2fconfig.yaml", "/~root",
    "/.git/config", "/" + "a" * 4000,
]  # fmt: skip


@pytest.fixture(scope="module")
def playground(flags):
    complaints = []
    with Playground(flags / "run", port=0, complain=complaints.append) as made:
        greeted(made).close()
        while made._house is None or made._house.subject is None:
            time.sleep(0.01)
        yield made
    assert complaints == []


def sent(playground, first, headers, body=""):
    """Send raw bytes, and return the first line of what comes back with all headers; nothing where it is cut off."""
    here = playground.hosts[0]
    lines = [first, *(f"{k}: {v}" for k, v in headers.items()), "", body]
    text = "\r\n".join(lines).replace("HERE", here).replace("PORT", here.rpartition(":")[2])
    with closing(socket.create_connection(("127.0.0.1", int(here.rpartition(":")[2])), timeout=10)) as line:
        line.sendall(text.encode())
        with suppress(ConnectionError):
            return line.recv(2**16).decode()
    return ""


def alive(playground):
    return sent(playground, "GET /nothing HTTP/1.1", GOOD).startswith("HTTP/1.1 404")


@pytest.mark.parametrize("what", REQUESTS)
def test_a_crafted_request_is_refused(what, playground):
    assert len(REQUESTS) >= 38
    told = sent(playground, *REQUESTS[what])
    code = told.split(" ")[1]
    assert code == "403" or (what in ("no host", "CONNECT", "host ") and code in ("400", "403", "404")), told
    assert "access-control" not in told.lower()
    assert alive(playground)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:30])
def test_a_path_leads_nowhere(path, playground):
    WATCH.seen.clear()
    WATCH.on = True
    told = sent(playground, f"GET {path} HTTP/1.1", GOOD)
    WATCH.on = False
    assert WATCH.outside(server.STATIC) == []
    code = told.split(" ")[1]
    assert code in ("400", "403", "404") or path.startswith("/index.html?"), told


def test_the_page_trusts_nothing_but_itself(playground):
    told = sent(playground, "GET / HTTP/1.1", GOOD).lower()
    policy = next(line for line in told.splitlines() if line.startswith("content-security-policy:"))
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    for header in ("x-content-type-options: nosniff", "x-frame-options: deny", "referrer-policy: no-referrer"):
        assert header in told
    assert "access-control" not in told
    assert playground.token.lower() not in told
    assert "server:" not in told


def socket_to(playground, **settings):
    here = playground.hosts[0]
    return connect(f"ws://{here}/ws", **{"origin": f"http://{here}", "legacy": True, **settings})


@pytest.mark.parametrize("origin", [None, *EVIL[:4]])
def test_a_socket_of_another_page_is_refused(origin, playground):
    here = playground.hosts[0]
    with pytest.raises(InvalidStatus) as told:
        socket_to(playground, origin=origin and origin.replace("HERE", here))
    assert told.value.response.status_code == 403


def closed_with(line):
    try:
        line.recv(timeout=20)
    except ConnectionClosed as end:
        return end.rcvd.code if end.rcvd else None
    return "answered"


FIRST = [
    '{"type": "hello", "token": "wrong"}',
    '{"type": "hello"}',
    '{"type": "next"}',
    "",
    "x" * 1000,
    b"binary",
    None,
]


@pytest.mark.parametrize("first", FIRST, ids=str)
def test_without_the_token_nothing_is_answered(first, playground, monkeypatch):
    monkeypatch.setattr(server, "GREETING", 0.3)
    with closing(socket_to(playground)) as line:
        if first is not None:
            line.send(first)
        assert closed_with(line) == 4401


def test_the_token_is_compared_as_a_whole(playground):
    for token in (playground.token[:-1], playground.token + "x", playground.token.swapcase(), "é" * 30):
        with closing(socket_to(playground)) as line:
            line.send(json.dumps({"type": "hello", "token": token}))
            assert closed_with(line) == 4401


def greeted(playground):
    line = socket_to(playground)
    line.send(json.dumps({"type": "hello", "token": playground.token}))
    assert unpack(line.recv(timeout=180))[0]["type"] == "model"
    return line


def test_too_large_a_message_closes_the_socket(playground):
    with closing(greeted(playground)) as line:
        line.send(json.dumps({"type": "next", "x": "y" * asks.LARGEST}))
        assert closed_with(line) == 1009
    assert alive(playground)


def test_tabs_that_are_killed_while_they_are_answered_leave_nothing(playground):
    for _ in range(20):
        line = greeted(playground)
        for _ in range(3):
            line.send('{"type": "next"}')
        line.socket.shutdown(socket.SHUT_RDWR)
        line.socket.close()
    deadline = time.monotonic() + 20
    while playground._tabs and time.monotonic() < deadline:
        time.sleep(0.02)
    assert playground._tabs == 0
    assert alive(playground)


def test_a_binary_message_closes_the_socket(playground):
    with closing(greeted(playground)) as line:
        line.send(b"\0" * 10)
        assert closed_with(line) == 1003


def test_there_are_so_many_sockets_and_no_more(playground, monkeypatch):
    monkeypatch.setattr(server, "TABS", 3)
    lines = [greeted(playground) for _ in range(3)]
    with closing(socket_to(playground)) as line:
        assert closed_with(line) == 4429
    for one in lines:
        one.close()
    deadline = time.monotonic() + 10
    while playground._tabs and time.monotonic() < deadline:
        time.sleep(0.02)
    greeted(playground).close()


def test_a_connection_that_does_not_get_on_is_closed(playground, monkeypatch):
    monkeypatch.setattr(patient, "PATIENCE", 0.2)
    port = int(playground.hosts[0].rpartition(":")[2])
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert line.recv(100) == b""
    assert alive(playground)


def test_many_slow_connections_keep_nobody_out_for_long(playground, monkeypatch):
    monkeypatch.setattr(patient, "PATIENCE", 0.5)
    port = int(playground.hosts[0].rpartition(":")[2])
    slow = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(200)]
    for line in slow:
        line.sendall(b"GET / HTTP/1.1\r\n")
    deadline = time.monotonic() + 20
    while not alive(playground) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert alive(playground)
    for line in slow:
        line.close()


def test_ten_thousand_headers_are_refused(playground):
    told = sent(playground, "GET / HTTP/1.1", {**GOOD, **{f"X-{i}": "y" * 20 for i in range(10_000)}})
    assert told == "" or told.split(" ")[1] in ("400", "431")
    assert alive(playground)


# Where it listens -----------------------------------------------------------------------------------------------------


def test_it_listens_on_this_machine_alone(playground):
    assert playground._socket.getsockname()[0] == "127.0.0.1"
    assert all(is_local(host) for host in ("127.0.0.1", "::1", "localhost", "127.8.8.8"))
    assert not any(is_local(host) for host in ("0.0.0.0", "192.168.0.3", "example.org", "::"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_every_address_at_once_is_refused(host):
    with pytest.raises(InputError, match="every address of this machine"):
        listening(host, 0)


def test_an_address_of_another_machine_is_told_in_one_line():
    with pytest.raises(InputError, match=r"--host 192\.0\.2\.1 cannot be listened on"):
        listening("192.0.2.1", 0)


def test_a_port_that_is_taken_gives_the_next():
    with closing(listening("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with closing(listening("127.0.0.1", port)) as second:
            assert port < second.getsockname()[1] < port + server.PORTS
