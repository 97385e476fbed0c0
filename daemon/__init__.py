"""The till daemon: one folder per stage, from a device to the POS."""
