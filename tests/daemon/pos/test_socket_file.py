import grp
import os
import socket
import stat
from pathlib import Path

import pytest

from daemon.pos.server import Server
from daemon.pos.socket_file import SocketTakenError, claimed_socket, socket_paths
from tests.daemon.pos.shop import GREETING, Shop, connected, new_ring


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "pos.sock"


def test_the_service_s_folder_comes_first_then_the_user_s_then_the_installed_service_s() -> None:
    installed = Path("/run/tillcard/pos.sock")
    user = {"XDG_RUNTIME_DIR": "/run/user/1000"}
    service = {"RUNTIME_DIRECTORY": "/run/tillcard-2:/run/other"}
    assert socket_paths({}) == [installed]
    assert socket_paths(user) == [Path("/run/user/1000/tillcard/pos.sock"), installed]
    assert socket_paths(user | service)[0] == Path("/run/tillcard-2/pos.sock")
    assert socket_paths({"XDG_RUNTIME_DIR": "", "RUNTIME_DIRECTORY": ""}) == [installed]


def test_the_socket_is_for_its_owner_and_group_only_and_goes_at_the_end(path: Path) -> None:
    with claimed_socket(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert not path.exists()


def test_a_second_daemon_is_refused_and_the_first_goes_on(path: Path) -> None:
    with claimed_socket(path):
        with pytest.raises(SocketTakenError, match="Another daemon serves"), claimed_socket(path):
            pass
        assert path.is_socket()
    with claimed_socket(path):
        assert path.is_socket()


async def test_a_second_server_on_the_same_socket_is_refused_in_words(path: Path) -> None:
    server, second = (Server(Shop().methods(), new_ring(), GREETING) for _ in range(2))
    async with server.listening(path):
        with pytest.raises(SocketTakenError, match="Another daemon serves"):
            await second.listening(path).__aenter__()
        async with connected(path) as pos:
            assert await pos.call("say", {"text": "first"}) == {"text": "first"}


def test_a_socket_that_a_dead_daemon_left_is_replaced(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    assert path.is_socket()
    with claimed_socket(path) as listener:
        listener.listen()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(str(path))


def test_a_socket_that_something_else_serves_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(SocketTakenError), claimed_socket(path):
            pass
        assert path.is_socket()


def test_a_file_that_is_no_socket_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("precious")
    with pytest.raises(SocketTakenError, match="no socket"), claimed_socket(path):
        pass
    assert path.read_text() == "precious"


def test_a_path_longer_than_the_system_allows_is_refused_in_words(tmp_path: Path) -> None:
    with (
        pytest.raises(SocketTakenError, match="cannot be made"),
        claimed_socket(tmp_path / ("x" * 120)),
    ):
        pass


def test_a_folder_that_cannot_be_made_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(SocketTakenError, match="cannot be made"),
        claimed_socket(tmp_path / "file" / "pos.sock"),
    ):
        pass


def test_the_socket_is_given_to_the_group_of_those_who_may_sell(tmp_path: Path) -> None:
    groups = [grp.getgrgid(group_id) for group_id in os.getgroups()]
    group = grp.getgrnam("daemon") if os.geteuid() == 0 else groups[-1]
    with claimed_socket(tmp_path / "pos.sock", group.gr_name):
        status = (tmp_path / "pos.sock").stat()
    assert (status.st_gid, stat.S_IMODE(status.st_mode)) == (group.gr_gid, 0o660)


def test_a_group_that_does_not_exist_is_no_reason_not_to_serve(tmp_path: Path) -> None:
    with claimed_socket(tmp_path / "pos.sock", "no such group"):
        assert stat.S_IMODE((tmp_path / "pos.sock").stat().st_mode) == 0o660
