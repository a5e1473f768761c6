"""Receipts of calls that this database does not know.

A restore takes the database back in time, and tools do not go with it: a call may have run whose
proposal is gone. Whoever ran it still has its grant, which this service signed, and reports with
it. The receipt is kept here with the grant, and told in the tenant's `authority` stream as
`OrphanReceiptKept`; it settles nothing, because there is nothing to settle. An operator who closes
what was lost reads here which effects happened all the same.

Invariants
- An orphan is kept only with a grant that one of our keys signed, for this tenant, agent
  and environment. An expired grant is as good: it proves that the call was granted.
- Rows are only added. The level of the evidence is computed as for every receipt.
- Where its arguments come too, and are those of the grant, the call's effect key is taken for ever
  as it was before, unless the tool's host signed that it failed.

Failures
- A grant that does not verify or is another's: `orphan_refused` says which, nothing is stored.
- The call is known after all: the same, and the receipt goes where receipts go.
"""
