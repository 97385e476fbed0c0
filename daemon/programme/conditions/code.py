"""A code shown at the till: a word, an issued code, or any code of a campaign.

    when = { codes = ["SPRING", "flyer"] }

It holds for ``spring`` typed at the till, and for ``F1`` when F1 was issued for "flyer".
"""

from typing import Annotated, Any, ClassVar

import msgspec

from card_formats.code_text import normal_code
from daemon.programme.conditions.condition import Condition, ConditionTable, WhenPlace, as_written
from daemon.programme.errors import ProgrammeError

CodeWords = Annotated[Any, msgspec.Meta(examples=["K7", "flyer", ["SPRING", "flyer"]])]


class Codes(ConditionTable, frozen=True, kw_only=True):
    """``codes``: one of these was shown, however it was typed."""

    key: ClassVar[str] = "codes"

    codes: CodeWords

    def compiled(self, place: WhenPlace) -> Condition:
        """Return the condition. Raises: ProgrammeError."""
        raw = self.codes
        words = raw if isinstance(raw, list) else [raw]
        if not words or not all(isinstance(word, str) and normal_code(word) for word in words):
            raise ProgrammeError(place.path, f"{raw!r} is no code; write a word or a list of words")
        codes = frozenset(normal_code(word) for word in words)
        return Condition(
            self.key,
            as_written(self.key, raw),
            lambda situation: not codes.isdisjoint(situation.codes),
            codes=codes,
        )
