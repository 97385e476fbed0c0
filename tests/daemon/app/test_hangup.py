"""SIGHUP ends no till: it says what of its configuration waits for a restart."""

import signal
from pathlib import Path

from tests.support.processes import daemon_of, until_said
from tests.support.till import Pos, lay_out


async def test_a_hangup_names_what_changed_and_the_till_goes_on(tmp_path: Path) -> None:
    lay_out(tmp_path)
    file = tmp_path / "tillcard.toml"
    good = file.read_text("utf-8")
    async with daemon_of(tmp_path) as till, Pos.connect(tmp_path / "pos.sock") as pos:
        for text, words in (
            (good, "runs with the configuration as it stands"),
            (good.replace("Sample shop", "Another shop"), "web: changed in the configuration"),
            (good.replace("[web]", "[wob]", 1), "would not start: wob"),
        ):
            file.write_text(text, "utf-8")
            till.send_signal(signal.SIGHUP)
            await until_said(till.stderr, words)
        assert (await pos.call("status"))["ledger"]
