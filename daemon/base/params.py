"""What every set of parameters is that a client sends."""

from typing import Self

import msgspec


class Params(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Parameters, or a part of them. A field that nobody knows was meant to say something.

    What is left out and what is sent as its default are the same, and hash to the same: a field
    that is added later changes no request that was made before.
    """

    @property
    def kept(self) -> Self:
        """The same without what may stand nowhere, not even as a hash: four digits are guessed.

        It is what makes a request the same again, and what an entry may hold.
        """
        return self
