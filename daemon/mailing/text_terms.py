"""What a programme lets a text of a mailing name."""

from collections.abc import Iterator

from daemon.mailing.message_text import Known
from daemon.programme.programme import Programme


def known_of(programme: Programme) -> Known:
    """Return the purses, statuses and campaigns that a text may name."""
    return Known(
        purses=tuple(programme.purses),
        statuses=tuple(programme.statuses),
        campaigns=tuple(dict.fromkeys(_campaigns(programme))),
    )


def _campaigns(programme: Programme) -> Iterator[str]:
    yield from (kind.invite for kind in programme.cards.values() if kind.invite)
    for rule in programme.rules:
        for condition in rule.conditions:
            yield from sorted(condition.codes)
