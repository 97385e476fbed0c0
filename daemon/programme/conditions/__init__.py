"""``when``: what must hold for a rule to apply. One file a kind, listed in `registry`."""
