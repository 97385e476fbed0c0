"""A whole DESFire card, EV1 or EV2, to NXP's data sheets: bytes in, bytes out, no clock, no I/O.

It speaks for itself: nothing here is shared with the code that reads such cards, so that the two
check each other. Left out, as a real card without the option would refuse them: DES and 3K3DES
applications, ISO file identifiers, transaction MAC files, UpdateRecord.
"""
