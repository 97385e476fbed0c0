"""What was erased is overwritten in a ledger's file as soon as the file and the disk let it be."""

from contextlib import closing, suppress
from pathlib import Path

from daemon.base.ids import AccountId
from daemon.ledger.audit import audit
from daemon.ledger.storage.registry import open_store
from tests.scenarios.shops import FRIEND, goods
from tests.scenarios.test_erase_customer import PERSON, WHO
from tests.stores.test_erase import files_say, lived
from tests.support.clock import HandClock
from tests.support.disks import fill, small_disk
from tests.support.till import Pos, RefusedByTillError, lay_out, open_till


async def test_a_file_that_is_being_read_is_overwritten_when_nobody_reads_it(
    tmp_path: Path,
) -> None:
    lay_out(tmp_path, **{'"tillcard.db"': '"ledger.db"'})
    async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
        account = await lived(pos)
        with closing(open_store("ledger.db", tmp_path, read_only=True)) as reader:
            reader.begin()
            assert reader.purses(AccountId(account))
            await pos.call("customer.erase", request_id="e", account=account, **WHO)
            assert (await pos.call("customer.to_erase", by="olha"))["not_overwritten"] == 1
            assert files_say(tmp_path)
            reader.rollback()
        await till.look_after()
        assert (await pos.call("customer.to_erase", by="olha"))["not_overwritten"] == 0
        assert files_say(tmp_path) == {}
        await pos.call("sale.commit", sale_id="s9", lines=goods(1_000))


def test_a_file_that_is_too_long_to_be_written_anew_now_is_left_as_it_is(tmp_path: Path) -> None:
    with closing(open_store("ledger.db", tmp_path)) as store:
        assert not store.overwrite(1_000)
        assert store.overwrite(2**30)


async def test_on_a_full_disk_who_is_erased_is_gone_from_the_file_when_there_is_room_again(
    tmp_path: Path,
) -> None:
    # It is written anew beside itself: the file, a second one, and the log.
    with small_disk(tmp_path / "disk", kib=8_192) as disk:
        lay_out(disk, **{'"tillcard.db"': '"ledger.db"'})
        async with open_till(disk, HandClock()) as till, Pos.connect(till.socket) as pos:
            issue = {"request_id": "i", "number": FRIEND, "profile": PERSON}
            account = (await pos.call("card.issue", **issue))["account"]
            ballast = fill(disk)
            terms = {"request_id": "e", "account": account} | WHO
            with suppress(RefusedByTillError):  # full, if there is no room in the log either
                await pos.call("customer.erase", **terms)
            ballast.unlink()
            await pos.call("customer.erase", **terms)
            assert files_say(disk) == {}, "there are zeros in place of it"
            await till.look_after()
            assert (await pos.call("customer.to_erase", by="olha"))["not_overwritten"] == 0
        with closing(open_store("ledger.db", disk, read_only=True)) as store:
            assert audit(store).findings == ()
