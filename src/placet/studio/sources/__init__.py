"""The material that rules stem from: kept once, without its secrets, and never changed.

A `BusinessSource` belongs to a workspace: observed runs, a prompt snapshot, tool schemas, an
uploaded document, pasted rules, a manual note, a customer's correction. It has a title, a
provenance (where it comes from) and up to 5 MiB of JSON, YAML, Markdown, text or JSONL.

What is done to it, before anything is stored and outside any transaction:

1. It must be text: bytes that are no UTF-8, hold a NUL or are mostly control characters are
   quarantined. A byte order mark is dropped. Of any other text the control characters
   are taken out, as one would hide a secret.
2. Secrets and personal data are looked for in the content, the title and the provenance, and
   replaced by `[redacted:KIND]`; no line is added or removed. What is stored is scanned again,
   until nothing is found in it.
3. A private key, more than 200 secrets or more than 20,000 pieces of personal data quarantine the
   whole: nothing of the content is kept, no hash of it either, only how many bytes it had and what
   was found at which line and column.
4. What is left is read by its media type and cut into parts (tools, calls, sections, members,
   paragraphs), each with its lines and bytes, so that a rule can point at the span it stems from.

Nothing is ever executed: no tag of a YAML text makes an object, no alias is expanded, a script or
a prompt within a source is text like any other, and is handed out as a plain-text attachment.

States. `security_status`: `pending` -> `clean` | `redacted` | `quarantined`. `ingestion_status`:
`received` -> `parsed` -> `indexed` | `failed`. All of it is pure and takes seconds at most, so it
is over when the row is written: a stored source is `clean` or `redacted` and then `indexed` or
`failed`, or it is `quarantined` and stays `received`. `pending` and `parsed` are never seen.

Invariants
- Rows are never changed or removed.
- Only clean or redacted, indexed sources count towards `source_snapshot_hash`.
- The hash of a source is that of its redacted content. No row, event or kept answer holds a hash
  of what was redacted: a short secret could be guessed from it.
- The same redacted content as the same kind and media type is one source of a workspace: adding it
  again, also at the same moment, answers the first one and says nothing new. Quarantined sources,
  whose content nobody has, are all kept apart.

Failures
- Content over 5 MiB: `source_too_large`. Base64 that is none: `source_unreadable`.
- A source of another tenant or workspace: `source_not_found`.
- Content that is not of its media type, too deep or of too many values: stored, `failed`, with the
  reason and the line. It can be added again as text.
"""
