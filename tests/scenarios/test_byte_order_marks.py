"""A byte order mark says nothing: it is read over wherever a text of ours comes from."""

import asyncio
from codecs import BOM_UTF8
from pathlib import Path

import msgspec

from tests.support.clock import HandClock
from tests.support.till import Pos, lay_out, open_till


async def test_a_till_starts_on_files_that_begin_with_one(tmp_path: Path) -> None:
    lay_out(tmp_path)
    for name in ("tillcard.toml", "programme.toml"):
        path = tmp_path / name
        path.write_bytes(BOM_UTF8 + path.read_bytes())
    async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
        assert (await pos.call("status"))["programme"]["id"] == "sample"


async def test_a_request_may_begin_with_one(tmp_path: Path) -> None:
    lay_out(tmp_path)
    async with open_till(tmp_path, HandClock()) as till:
        reader, writer = await asyncio.open_unix_connection(str(till.socket))
        await reader.readline()
        writer.write(BOM_UTF8 + b'{"jsonrpc":"2.0","id":1,"method":"status"}\n')
        answer = msgspec.json.decode(await reader.readline())
        writer.close()
        await writer.wait_closed()
    assert answer["result"]["terminal"] == "till-1"


async def test_a_programme_over_the_socket_may_too(tmp_path: Path) -> None:
    lay_out(tmp_path)
    text = "\ufeff" + (tmp_path / "programme.toml").read_text("utf-8")
    async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
        assert (await pos.call("programme.check", text=text))["version"]
