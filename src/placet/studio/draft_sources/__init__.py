"""The material that a draft counts, and the spans that its commands rest on.

A draft lists sources of its workspace by command. What it lists makes the `source_snapshot_hash`
of its snapshots: of each source the id, kind, media type and the hash of the redacted content, in
the order of the ids.

    source_snapshot_hash = SHA-256("placet.source_snapshot.v1" 00 | canonical JSON of the list)

A draft without sources has the hash of the empty list. A draft that begins with a parent's
contract begins with its sources too; one that is brought to another workspace does not.

Invariants
- A listed source is clean or redacted, and indexed. Sources never change, so what a version of a
  draft lists is the same for ever.
- A span is named in the source's stored content, which the kept command holds the hash of.

Failures
- A source of another workspace or tenant: `source_not_found`.
- One that is quarantined or could not be read, is listed already, or is not listed; a span of a
  source that is not listed, or that has no such part: `contract_invalid`.
"""
