"""What every table of ``tillcard.toml`` is."""

import msgspec


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file: an unknown key is an error, because it is a misspelt one."""
