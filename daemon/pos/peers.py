"""Who is at the other end of the socket, and what that lets them do."""

import grp
import os
import pwd
import socket
import struct
from collections.abc import Collection
from enum import IntEnum
from typing import Protocol

TILL_GROUP = "tillcard"
UCRED = struct.Struct("=iII")  # pid, uid, gid: struct ucred of unix(7)


class Role(IntEnum):
    """What a client may do. Each role may do all that the ones below it may.

    ``NOBODY`` has come over TCP and shown no token yet: it may say ``hello`` and nothing else.
    """

    NOBODY = -1
    READ = 0
    SALE = 1
    ADMIN = 2

    @property
    def wire_name(self) -> str:
        """The name in the protocol: ``sale``."""
        return self.name.lower()


class HasOptions(Protocol):
    """The one thing that is asked of a socket here; asyncio's and Python's own both have it."""

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes:
        """Return the option's bytes."""
        ...


def role_for(
    uid: int, group_ids: Collection[int], *, daemon_uid: int, till_group_id: int | None
) -> Role:
    """Return the role of a user: root and the daemon's own user are admin.

    till_group_id: the group whose members may sell, or None where it does not exist.
    """
    if uid in (0, daemon_uid):
        return Role.ADMIN
    return Role.SALE if till_group_id in group_ids else Role.READ


def peer_role(peer: HasOptions, till_group: str = TILL_GROUP) -> Role:
    """Return the role of the process that connected to a Unix socket, by its user and groups."""
    _, uid, gid = UCRED.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size))
    daemon_uid, till_group_id = os.getuid(), _group_id(till_group)
    return role_for(uid, _group_ids(uid, gid), daemon_uid=daemon_uid, till_group_id=till_group_id)


def peer_name(peer: HasOptions) -> str:
    """Return whose process connected to a Unix socket: ``uid 1000``."""
    _, uid, _ = UCRED.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size))
    return f"uid {uid}"


def _group_ids(uid: int, gid: int) -> list[int]:
    try:
        return os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:  # a user that this machine has no name for: a container's, a deleted one
        return [gid]


def _group_id(name: str) -> int | None:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None
