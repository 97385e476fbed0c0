"""What a daemon says when it cannot start: the path of the wrong key, and what to do."""

import socket
import sqlite3
from pathlib import Path

import pytest

from daemon.keys.chip_keys import make_chip_keys
from daemon.keys.hot_list_keys import make_hot_list_keys
from tests.support.clock import HandClock
from tests.support.processes import TILLCARD, output_of
from tests.support.till import Pos, lay_out, open_till

TILL = "[till]\n"
CHIP = '[[reader]]\nname = "chip"\nkind = "simulated"\ndevice = "chip"\n'


def serial(said: str, name: str = "chip") -> str:
    return f'[[reader]]\nname = "{name}"\nkind = "serial"\ndevice = "/dev/ttyS9"\n{said}\n'


async def refused_to_start(home: Path) -> str:
    status, said = await output_of(*TILLCARD, "run", "--config", home / "tillcard.toml")
    assert status == 1
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('terminal = "till-1"', "terminal = 7", "till.terminal: expected a text"),
        (
            'terminal = "till-1"',
            'terminl = "x"',
            "till.terminl: there is no such key; did you mean terminal?",
        ),
        ('ledger = "tillcard.db"', r'ledger = "a\u0000b"', "has the character"),
        ("port = 0", "port = 99999", "web: port must be 0 to 65535"),
        (
            'device = "keypad"',
            'device = "abacus"',
            "reader[3].device: 'abacus' is not one of 'chip', ",
        ),
        ('kind = "simulated"', 'kind = "usb"', "reader[0].kind: 'usb' is not one of 'pcsc', "),
        ('name = "keypad"', 'name = "chip"', "two readers are called chip"),
        (
            'check = "luhn"',
            'check = "lun"',
            "number_range[1].check: 'lun' is not one of 'none', 'luhn'",
        ),
        (TILL, f"[chip]\nsale_max = -1\n{TILL}", "chip.sale_max: a limit must be 0"),
        ('country = "UA"', 'country = "UK"', "till.country: must be two capital letters"),
        (TILL, f"[policy]\ninput_ttl_s = 0\n{TILL}", "policy.input_ttl_s: must be 1"),
        (TILL, f"[policy]\ntyped_spend_max = -1\n{TILL}", "policy.typed_spend_max: must be 0"),
        (CHIP, serial("gap_s = 0"), "reader[0].gap_s: must be above 0"),
        (CHIP, serial('layout = "us"'), "reader[0].layout: does not go with this kind"),
        (
            CHIP,
            serial('protocol = "ssi"\nmedium = "stripe"'),
            'reader[0].protocol: "ssi" goes with',
        ),
        (CHIP, serial("baud = 12345"), "reader[0].baud: must be one of 300, "),
        (CHIP, serial('encoding = "rot13"'), "reader[0].encoding: must be one of utf-8, "),
        (CHIP, serial("") + serial("", "second"), "reader: two readers are on /dev/ttyS9"),
        ('prefix = "770077"', 'prefix = "41"', "number_range[1].prefix: bank cards begin so too"),
        (
            'prefix = "770077"\nlength = 16',
            'prefix = "2900"\nlength = 13',
            "number_range[1]: plastic has this prefix and length already",
        ),
        ("[till]", "[till", "tillcard.toml is not TOML"),
        ('programme = "programme.toml"', "", "programme: is missing; write it"),
        ('programme = "programme.toml"', 'programme = "gone.toml"', "cannot be read"),
        (
            'chip_uid = "04A1B2C3D4E580"',
            'chip_uid = "zz"',
            "simulated.chip_uid: must be bytes",
        ),
    ],
)
async def test_a_wrong_configuration_names_the_path_of_the_key(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    lay_out(tmp_path, **{old: new})
    assert said in await refused_to_start(tmp_path)


async def test_a_wrong_programme_names_the_path_of_the_key(tmp_path: Path) -> None:
    lay_out(tmp_path)
    programme = tmp_path / "programme.toml"
    text = programme.read_text("utf-8").replace("max_percent = 30", "max_percent = 130")
    programme.write_text(text, "utf-8")
    assert "programme.toml: rule[2].give.max_percent" in await refused_to_start(tmp_path)


async def test_a_programme_in_another_currency_needs_another_ledger(tmp_path: Path) -> None:
    lay_out(tmp_path)
    async with open_till(tmp_path, HandClock()):
        pass
    programme = tmp_path / "programme.toml"
    text = programme.read_text("utf-8").replace('"UAH"', '"EUR"')
    programme.write_text(text, "utf-8")
    said = await refused_to_start(tmp_path)
    assert "programme.currency: the ledger is in UAH, the programme in EUR" in said


async def test_no_configuration_at_all_says_where_to_begin(tmp_path: Path) -> None:
    assert "there is no file" in await refused_to_start(tmp_path)


async def test_a_second_daemon_on_the_same_socket_is_refused_and_harms_nothing(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    lay_out(first)
    lay_out(second, **{'path = "pos.sock"': f'path = "{first}/pos.sock"'})
    async with open_till(first, HandClock()) as app:
        assert "pos.sock" in await refused_to_start(second)
        async with Pos.connect(app.socket) as pos:
            assert (await pos.call("status"))["terminal"] == "till-1"


async def test_a_second_daemon_on_the_same_ledger_is_refused(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    lay_out(first)
    ledger = f'ledger = "{first}/tillcard.db"'
    lay_out(second, **{'ledger = "tillcard.db"': ledger})
    async with open_till(first, HandClock()):
        said = await refused_to_start(second)
    assert "is being written by another tillcard" in said


async def test_a_ledger_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    lay_out(tmp_path)
    async with open_till(tmp_path, HandClock()):
        pass
    with sqlite3.connect(tmp_path / "tillcard.db") as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    db.close()
    assert "newer tillcard" in await refused_to_start(tmp_path)


async def test_a_port_that_is_taken_names_the_key_and_the_file(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        lay_out(tmp_path, **{"port = 0": f"port = {other.getsockname()[1]}"})
        said = await refused_to_start(tmp_path)
    assert "web.port: " in said
    assert "choose another port in tillcard.toml" in said


async def test_a_missing_hot_list_is_one_warning_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lay_out(tmp_path, **{"[simulated]\n": '[chip]\nhot_list = "hot.txt"\n[simulated]\n'})
    make_chip_keys(tmp_path / "chip.keys")
    assert "hot-list.pub: copy it from where" in await refused_to_start(tmp_path)
    make_hot_list_keys(tmp_path / "hot-list.key", tmp_path / "hot-list.pub")
    async with open_till(tmp_path, HandClock()):
        pass
    warned = [record for record in caplog.records if "hot.txt" in record.getMessage()]
    assert [record.levelname for record in warned] == ["WARNING"]
