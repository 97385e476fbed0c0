"""python-desfire (PyPI), a DESFire reader of somebody else's, drives the simulated card."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest
from desfire import DESFire, DESFireKey
from desfire.enums import (
    DESFireCommunicationMode,
    DESFireFileType,
    DESFireKeySettings,
    DESFireKeyType,
)
from desfire.exceptions import DESFireCommunicationError
from desfire.schemas import FilePermissions, FileSettings, KeySettings

from daemon.readers.pcsc import PcscLink
from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.card_files import DataFile
from daemon.readers.simulated.desfire.cipher import KeyKind
from daemon.readers.simulated.desfire.memory import Generation, Memory
from daemon.readers.simulated.sample_cards import PlayedCard
from daemon.readers.simulated.vpcd import VpcdCard
from tests.support.pcscd import Pcscd, until_card_is_seen

READER, UID = "Virtual PCD 00 00", bytes.fromhex("04112233445566")
AID, AID_NUMBER = [0x11, 0x22, 0x33], 0x332211
MASTER_KEY, APPLICATION_KEY, OTHER_KEY = bytes(range(16)), b"A" * 16, b"B" * 16
SETTINGS = [
    DESFireKeySettings.KS_ALLOW_CHANGE_MK,
    DESFireKeySettings.KS_LISTING_WITHOUT_MK,
    DESFireKeySettings.KS_CREATE_DELETE_WITHOUT_MK,
    DESFireKeySettings.KS_CONFIGURATION_CHANGEABLE,
]
CONTENT = list(b"a till is a quiet place")
PLAIN, MACED, FULL = DESFireCommunicationMode


def blank_card(seed: int) -> DesfireCard:
    return DesfireCard(Memory(uid=UID, generation=Generation.EV1), Random(seed).randbytes)


class Direct:
    """The library's transport, straight into the card."""

    def __init__(self, card: DesfireCard) -> None:
        self._card = card

    def transceive(self, frame: list[int]) -> list[int]:
        return list(self._card.transmit(bytes(frame)))


class OverPcsc:
    """The library's transport, through pcscd and its virtual reader."""

    def __init__(self, link: PcscLink) -> None:
        self._link = link

    def transceive(self, frame: list[int]) -> list[int]:
        return list(self._link.transmit(bytes(frame)))


def aes(key: bytes = bytes(16)) -> DESFireKey:
    return DESFireKey(KeySettings(key_type=DESFireKeyType.DF_KEY_AES), list(key))


def aes_application() -> KeySettings:
    return KeySettings(key_type=DESFireKeyType.DF_KEY_AES, settings=SETTINGS)


def personalise(reader: DESFire, challenge: list[int]) -> None:
    """Turn a blank card into one with an AES master key and an application with changed keys."""
    des = DESFireKey(KeySettings(key_type=DESFireKeyType.DF_KEY_2K3DES), [0] * 8)
    # Not preceded by select_application(0): after that the library forgets, in change_key, that
    # it is at card level, and names the new key's kind wrongly.
    reader.authenticate(0, des, challenge[:8])
    reader.change_key(0, des, aes(MASTER_KEY), 7)
    reader.authenticate(0, aes(MASTER_KEY), challenge)
    assert reader.get_real_uid() == list(UID)
    assert reader.get_card_version().uid == list(UID)
    assert reader.get_key_version(0) == 7
    reader.create_application(AID, aes_application(), 3)
    assert reader.get_application_ids() == [AID]
    reader.select_application(AID)
    reader.authenticate(0, aes(), challenge)
    reader.change_key(2, aes(), aes(OTHER_KEY), 3)
    assert reader.get_key_version(2) == 3
    reader.change_key(0, aes(), aes(APPLICATION_KEY), 4)
    reader.authenticate(0, aes(APPLICATION_KEY), challenge)


def create_file(reader: DESFire, mode: DESFireCommunicationMode) -> None:
    settings = FileSettings(
        encryption=mode,
        file_type=DESFireFileType.MDFT_STANDARD_DATA_FILE,
        permissions=FilePermissions(0, 0, 0, 0),
        file_size=64,
    )
    reader.create_standard_file(1, settings)


def store(reader: DESFire, mode: DESFireCommunicationMode) -> None:
    """Create a file, write it, read it back."""
    create_file(reader, mode)
    assert reader.get_file_ids() == [1]
    settings = reader.get_file_settings(1)
    assert (settings.encryption, settings.file_size) == (mode, 64)
    reader.write_file_data(1, 8, mode, CONTENT)
    if mode is PLAIN:  # the library takes a plain answer to have no MAC, which in a session it has
        settings.encryption = MACED
    assert reader.read_file_data(1, settings) == [0] * 8 + CONTENT + [0] * (56 - len(CONTENT))


@pytest.mark.parametrize("mode", [PLAIN, FULL])
def test_it_personalises_a_blank_card_and_uses_a_file(mode: DESFireCommunicationMode) -> None:
    card = blank_card(seed=3)
    reader = DESFire(Direct(card))
    personalise(reader, list(range(1, 17)))
    store(reader, mode)
    memory = card.snapshot()
    assert memory.master_key.kind is KeyKind.AES
    keys = [(key.value, key.version) for key in memory.applications[AID_NUMBER].keys]
    assert keys == [(APPLICATION_KEY, 4), (bytes(16), 0), (OTHER_KEY, 3)]
    file = memory.applications[AID_NUMBER].files[1]
    assert isinstance(file, DataFile)
    assert file.content == bytes(8) + bytes(CONTENT) + bytes(56 - len(CONTENT))


def test_it_is_told_why_it_is_refused() -> None:
    reader = DESFire(Direct(blank_card(seed=4)))
    personalise(reader, list(range(1, 17)))
    with pytest.raises(DESFireCommunicationError) as no_file:
        reader.get_file_settings(9)
    assert no_file.value.status_code == 0xF0
    with pytest.raises(DESFireCommunicationError) as wrong_key:
        reader.authenticate(1, aes(OTHER_KEY))
    assert wrong_key.value.status_code == 0xAE


def test_a_write_with_the_wrong_half_of_the_mac_is_refused() -> None:
    # The library sends the last eight bytes of the CMAC; AN0945 (T25) shows that the first go.
    reader = DESFire(Direct(blank_card(seed=4)))
    personalise(reader, list(range(1, 17)))
    create_file(reader, MACED)
    with pytest.raises(DESFireCommunicationError) as wrong_mac:
        reader.write_file_data(1, 8, MACED, CONTENT)
    assert wrong_mac.value.status_code == 0x1E


def test_it_deletes_and_formats() -> None:
    card = blank_card(seed=5)
    reader, challenge = DESFire(Direct(card)), list(range(1, 17))
    personalise(reader, challenge)
    reader.select_application(0)
    reader.authenticate(0, aes(MASTER_KEY), challenge)
    reader.create_application([1, 2, 3], aes_application(), 1)
    reader.delete_application(AID)
    assert reader.get_application_ids() == [[1, 2, 3]]
    reader.change_default_key(aes(OTHER_KEY), 9)
    reader.format_card()
    assert card.snapshot().applications == {}
    assert card.snapshot().default_key.value == OTHER_KEY


@contextmanager
def on_the_virtual_reader(card: DesfireCard) -> Iterator[OverPcsc]:
    with VpcdCard(PlayedCard(card)):
        until_card_is_seen(READER)
        link = PcscLink(READER)
        try:
            yield OverPcsc(link)
        finally:
            link.close()


async def test_it_works_through_a_real_pcscd(pcscd: Pcscd) -> None:
    card = blank_card(seed=6)

    def use() -> None:
        with on_the_virtual_reader(card) as transport:
            reader = DESFire(transport)
            personalise(reader, list(range(1, 17)))
            store(reader, FULL)

    async with asyncio.timeout(30):
        await asyncio.to_thread(use)
    assert list(card.snapshot().applications) == [AID_NUMBER]
