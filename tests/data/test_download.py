"""Downloads, against a server of this machine."""

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harmonium.data import load, named
from harmonium.errors import InputError

CONTENT = {"a.gz": b"first file", "b.gz": b"second file"}
HASHES = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def mirrors(tmp_path, monkeypatch):
    """Two mirrors: the first has nothing, the second has both files."""
    for word in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(word, raising=False)
    (tmp_path / "web" / "good").mkdir(parents=True)
    for name, content in CONTENT.items():
        (tmp_path / "web" / "good" / name).write_bytes(content)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "web"))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield tuple(f"http://127.0.0.1:{server.server_port}/{name}/" for name in ("missing", "good"))
        server.shutdown()
        thread.join()


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def test_good_files_arrive(tmp_path, mirrors, capfd):
    assert named.download("toy", tmp_path / "cache", mirrors[1:], HASHES) == tmp_path / "cache"
    assert files(tmp_path / "cache") == CONTENT
    assert capfd.readouterr() == ("", "")


def test_the_second_mirror_stands_in_for_the_first(tmp_path, mirrors):
    named.download("toy", tmp_path / "cache", mirrors, HASHES)
    assert files(tmp_path / "cache") == CONTENT


def test_files_that_are_there_are_not_fetched_again(tmp_path, mirrors):
    named.download("toy", tmp_path / "cache", mirrors[1:], HASHES)
    named.download("toy", tmp_path / "cache", mirrors[:1], HASHES)
    assert files(tmp_path / "cache") == CONTENT


def test_a_damaged_file_in_the_cache_is_fetched_again(tmp_path, mirrors):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "a.gz").write_bytes(b"half a fi")
    named.download("toy", tmp_path / "cache", mirrors[1:], HASHES)
    assert files(tmp_path / "cache") == CONTENT


def test_a_wrong_hash_is_refused_and_leaves_nothing_behind(tmp_path, mirrors):
    with pytest.raises(InputError, match="hash") as caught:
        named.download("toy", tmp_path / "cache", mirrors[1:], {"a.gz": "0" * 64})
    assert files(tmp_path / "cache") == {}
    assert "\n" not in str(caught.value)


def test_when_all_mirrors_fail_one_line_says_what_to_do(tmp_path, mirrors):
    with pytest.raises(
        InputError, match=r"toy could not be downloaded, a.gz failed \(.*404.*Max retries.*--data-dir DIR"
    ) as caught:
        named.download("toy", tmp_path / "cache", (mirrors[0], "http://127.0.0.1:9/"), HASHES)
    assert files(tmp_path / "cache") == {}
    assert "\n" not in str(caught.value)


def test_a_named_set_that_is_nowhere_is_downloaded(tmp_path, mirrors, monkeypatch):
    monkeypatch.setenv("HARMONIUM_DATA", str(tmp_path / "nothing"))
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / project)
    monkeypatch.setitem(named.MIRRORS, "mnist", mirrors)
    monkeypatch.setitem(named.HASHES, "mnist", HASHES)
    with pytest.raises(InputError, match="has no train-images-idx3-ubyte"):
        load("mnist")
    assert files(tmp_path / "harmonium" / "mnist") == CONTENT


def test_every_published_file_has_a_hash():
    assert set(named.MIRRORS) == set(named.HASHES) == set(named.FOLDERS)
    digests = [digest for hashes in named.HASHES.values() for digest in hashes.values()]
    assert len(set(digests)) == 8
    assert all(len(digest) == 64 and int(digest, 16) for digest in digests)
