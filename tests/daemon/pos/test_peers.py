import os
import socket

import pytest

from daemon.pos.peers import Role, peer_role, role_for

TILL = 990


@pytest.mark.parametrize(
    ("uid", "groups", "role"),
    [
        (0, [0], Role.ADMIN),
        (500, [500], Role.ADMIN),
        (1000, [1000, TILL], Role.SALE),
        (1000, [TILL], Role.SALE),
        (1000, [1000, 27], Role.READ),
        (1000, [], Role.READ),
        (0, [], Role.ADMIN),
    ],
)
def test_the_user_and_the_groups_give_the_role(uid: int, groups: list[int], role: Role) -> None:
    assert role_for(uid, groups, daemon_uid=500, till_group_id=TILL) is role


def test_without_the_group_nobody_but_admins_may_sell() -> None:
    assert role_for(1000, [1000], daemon_uid=500, till_group_id=None) is Role.READ


def test_the_daemon_s_own_user_is_admin_by_the_real_socket() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours, theirs:
        assert peer_role(theirs) is Role.ADMIN


class OtherUser:
    """A socket whose other end belongs to a user that this machine has no name for."""

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes:
        assert (level, optname) == (socket.SOL_SOCKET, socket.SO_PEERCRED)
        unknown = 4_000_000_000
        return b"".join(n.to_bytes(4, "little") for n in (os.getpid(), unknown, unknown))


def test_a_user_without_a_name_may_only_read() -> None:
    assert peer_role(OtherUser()) is Role.READ
