"""What proves, later and to anybody, what was decided and what happened.

The formats here are written down byte by byte in `docs/reference/evidence.md`, with vectors beside
it, and never change: a new form gets a new name. Nothing here touches a database, a network or a
clock. Time, keys and randomness are arguments.

- An event has a header and a body. The body's hash takes a salt, so that a body can be erased and
  the chain still holds. The leaf hashes the header, the body hash and the leaf before it. The
  database computes it while it writes; `leaf` computes it again.
- Whatever is signed travels in a DSSE envelope (`dsse`): the type is under the signature, the
  signature is checked first, and then the very same bytes are parsed. A payload has one byte form,
  our canonical one; any other is refused, so that a document has one hash.
- Keys are Ed25519 (`ed25519`), one per purpose. Points of small order, encodings that are not the
  shortest, and signatures with S ≥ L are refused. The key id in an envelope is a hint; trust comes
  from the keys that the caller gives.
- A grant (`grant`) is leave for one call with exactly these arguments. A vote (`vote`) is one
  person's signed word on one frozen view. An artifact (`artifact`) is what was compiled from it.
  A receipt (`receipt`) is a tool host's signed word on what became of a call.
- A dossier (`dossier`) is one file with everything that proves one approval, or one artifact.
  `verify_dossier` opens one that was found good.
- A bundle (`bundle`) is an export; `export` writes it. A checkpoint (`checkpoint`) is what the
  service signs of a tenant's log, a key rotation (`key_rotation`) what both keys sign.
- `verify` is one file that needs none of the others: it reads bundles, dossiers and checkpoints,
  and names the first bad item and why, or says how much it proved and what it could not.

What every failure leads to: a typed refusal, and nothing is trusted. There is no partly good
signature and no partly good chain.
"""
