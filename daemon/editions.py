"""The programme in force, and the older ones that priced what may still come back."""

from daemon.ledger.ledger import Ledger
from daemon.ledger.store import Change
from daemon.programme.programme import Programme, load


class Editions:
    """Programmes by version. A sale is taken back under the rules that priced it."""

    def __init__(self, ledger: Ledger, active: Programme) -> None:
        self._ledger = ledger
        self.active = active
        self._by_version = {active.version: active}

    @property
    def counting(self) -> tuple[Programme, ...]:
        """The programmes whose meters a sale adds to when it is posted."""
        return (self.active,)

    async def activate(self, programme: Programme) -> None:
        """Keep the programme's text for later returns, then let it price what comes."""
        await self._ledger.write(Change(programme=(programme.version, programme.text)))
        self._by_version[programme.version] = programme
        self.active = programme

    async def version(self, version: str) -> Programme:
        """Return the programme that priced something under ``version``."""
        if version not in self._by_version:
            text = await self._ledger.read(lambda store: store.programme(version))
            assert text is not None, "every version is kept before it prices anything"
            self._by_version[version] = load(text)
        return self._by_version[version]
