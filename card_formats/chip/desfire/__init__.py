"""MIFARE DESFire EV1, EV2 and EV3 with AES keys: the frames, both secure channels, the commands."""
