"""Words that everybody uses.

Nothing here knows what the product does, and nothing here does I/O. `clock` and `ids` alone
touch time and randomness, and only behind `Clock` and `Ids`, so that everything above can be
given another time and other ids by a test.

- `value`: `Value`, the frozen base of every Struct, and `Input`, which refuses unknown fields.
- `canonical`: the one byte form of our own documents; `foreign`: that of other people's JSON.
- `hashing`: SHA-256 with a purpose, so that no hash of one kind can stand for another.
- `refusals`: the closed family of errors that a caller can act on.
- `principal`: who is asking, as the key or the session says, never as a body says.
- `paging`: a page of a list and the opaque cursor to the next.
"""
