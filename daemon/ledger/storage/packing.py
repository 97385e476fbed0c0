"""JSON as the database keeps it: compressed, where that is shorter.

An entry of a sale of three lines is 2.1 kB of JSON, its answer 1.0 kB. Most of that is names of
fields, the same in every sale. Both sides have these beforehand, as zlib's dictionary (``_KEYS``),
and 0.4 and 0.2 kB are kept. An answer is kept and not made again from its entry, because a till
that was updated must repeat to the byte what the one before it has said.

The hash chain is over the JSON itself: what packs it, and how well, may change.
"""

import zlib

PACKED_BYTES_MAX = 64 * 1024 * 1024
"""Of what is unpacked: more than any entry or answer has. A foreign row may unpack to anything."""
_KEYS = (
    b'{"at":"2026-01-01T00:00:00.000000Z","kind":"void","ref":"","account":"","held":[["",'
    b'"bonus",0]],"counters":[["@",1]],"statuses":[["","",{}]],"detail":{"reason":"","cashier":"",'
    b'"lines":[{"line":1,"qty_milli":1000}],"refund":0,"burned_back":{},"earned_back":{},"kept":0,'
    b'"codes":[],"lapsed":{},"return_id":"","tenders":[{"type":"cash","amount":0}],'
    b'"override":{"by":"","reason":""},"uses":[{"counter":"","take":1,"limit":1,"rule":"",'
    b'"minor":0}],"brand":"","category":[""],"codes":[],"payment":"cash","burn":{"bonus":0},'
    b'"free":1,"usable_from":"2026-01-01","expires":"2026-01-01","card.referrer":"","flag.",'
    b'"meter.visits":0,"status.","order.","cashier":"","role":"cashier"}{"state":"posted",'
    b'"sale_id":"","total":0,"receipt":{"code":"1-till1-","at":"2026-01-01T00:00:00.000000Z",'
    b'"terminal":"till-1","cashier":"","programme":"","lines":[{"line":1,"qty_milli":1000,'
    b'"list_total":0,"discount":0,"net":0,"paid":0,"applied":[],"burned":{},"burned_units":{},'
    b'"earned":{"bonus":0},"meters":{"spend":0}},{"line":2,"qty_milli":1000,'
    b'"list_total":"earn":[{"rule":"","purse":"bonus","amount":0,"usable_from":"","expires":"",'
    b'"text":"","account":"","by_line":[]}],"rounding":0,"issued":[]},'
    b'"balances":{"bonus":{"available":0,"pending":0}},"rounding":0,"gifts":{},"replayed":false}'
    b'{"at":"2026-01-01T00:00:00.000000Z","kind":"sale","ref":"","account":"a","postings":[["",'
    b'"bonus",10],["@liability","bonus",-10]],"lots":[["","bonus",3652059,0,10]],"meters":[["a",'
    b'"spend",739000,0]],"rows":["sa","re"],"detail":{"sale_id":"","account":"a","store":"1",'
    b'"terminal":"till-1","cashier":"","at":"2026-01-01T00:00:00.000000Z","today":739000,'
    b'"frozen":{"programme":"","now":"2026-01-01T00:00:00.000000Z","basket":{"lines":[{"line":1,'
    b'"sku":"","qty":1,"unit_price":1000,"name":""},{"line":2,"sku":"482","qty":1,'
    b'"unit_price":"}]},"facts":{"meter.spend":0,"purse.bonus":0,"card.account":"a",'
    b'"card.kind":"plastic","card.issuer":"","card.name":"","card.birthday":"","card.tags":[]}},'
    b'"quote":{"programme":"","version":"","now":"2026-01-01T00:00:00.000000+02:00",'
    b'"lines":[{"line":1,"qty_milli":1000,"list_total":1000,"discount":0,"net":1000,"paid":1000,'
    b'"applied":[{"rule":"","minor":0,"text":"","free":0}],"earned":{"bonus":0},'
    b'"meters":{"spend":0}},{"line":2,"qty_milli":1000,"list_total":0,"discount":0,"net":0,'
    b'"paid":0}],"list_total":0,"discount":0,"net":0,"total":0,"burn_max":{"bonus":0},'
    b'"earn":[{"rule":"","purse":"bonus","amount":0,"text":""}],"meters":{"spend":0}},'
    b'"credit":{"bonus":0},"card_pays":false}}'
)
"""What entries and answers look like, the most usual last. Never changed: what was packed with it
needs it to the byte, and zlib says so. A better one would be a second one, for what is packed then.
"""
_LEVEL, _WINDOW_BITS, _MEMORY = 3, 12, 5
_PREPARED = zlib.compressobj(
    _LEVEL, zlib.DEFLATED, _WINDOW_BITS, _MEMORY, zlib.Z_DEFAULT_STRATEGY, _KEYS
)
"""It has read the dictionary; each packing begins with a copy of it."""


def packed(json: bytes) -> bytes:
    """Return JSON of an object or a list as it is kept."""
    packing = _PREPARED.copy()
    return min(json, packing.compress(json) + packing.flush(), key=len)


def unpacked(kept: object) -> bytes:
    """Return JSON that was packed, or kept as it is; b"" for what is neither."""
    if not isinstance(kept, bytes):  # SQLite keeps any type anywhere
        return b""
    if kept.startswith((b"{", b"[")):  # what zlib has packed begins with H
        return kept
    unpacking = zlib.decompressobj(zdict=_KEYS)
    try:
        json = unpacking.decompress(kept, PACKED_BYTES_MAX)
    except zlib.error:
        return b""
    return json if unpacking.eof and not unpacking.unused_data else b""
