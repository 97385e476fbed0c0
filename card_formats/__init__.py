"""Card formats: bytes and text to values and back. Nothing here opens, waits or asks the time."""
