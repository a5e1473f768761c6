"""What runs otherwise than was approved, and what people do about it.

A `DriftItem` says of one approval that something diverges from it: a tool that it does not know, a
tool whose schema has changed, calls that are refused again and again, a rule that nothing ever
reached, calls outside their phases. Its fingerprint says what exactly; seen again, the same thing
counts up the item that is there.

    open -> acknowledged -> resolved | accepted | waived (until a date) | superseded

From `open` each of them can be reached at once. A waiver whose date has passed, by the database's
clock, counts for nothing: the item is open again, whoever looks. `accepted` means that a draft
takes it up; where that draft is abandoned the item is open again. A newer approval supersedes what
nobody has closed, and a later scan what said that something was not compared in time.

    fingerprint = SHA-256("placet.drift.v1" 00 | canonical JSON of kind, target and what was found)

Invariants
- Drift never touches an approval: it only adds items, and events that tell of them.
- One item that is not resolved or superseded for an approval and a fingerprint, whoever finds it
  and at whatever moment.
- What was resolved stays so until the same is seen at a later time than that.
- Counters and severity of an item only rise.

Failures
- A decision on an item that is decided otherwise, or by somebody else at the same moment:
  `drift_closed`, with the status as it is.
- A waiver that ends in the past, or later than a year from now: `waiver_out_of_range`.
- Another tenant's id: `drift_item_not_found`, as for none.
"""
