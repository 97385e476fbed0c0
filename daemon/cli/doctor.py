"""``tillcard doctor``: what is attached, what is wrong, and how to mend it."""
