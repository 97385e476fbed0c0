"""``give``: what a rule gives. One file a kind, listed in `registry`."""
