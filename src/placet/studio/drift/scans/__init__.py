"""Looking for drift: what an agent offers and does, compared with the approval in force.

A scan looks at one workspace. It begins where the last scan of the same approval ended, and ends
at the moment up to which no call can be added any more, a day later at most. It counts the calls
of the sessions under the approval's artifact, adds to the evidence for each rule, compares the
tools that the agent's processes report and that newer sources list, and opens or counts up drift
items. Items of earlier approvals that nobody has closed are superseded. An
`ApprovalRuntimeReceipt` says how much was looked at and over which time, also when nothing was
found: *checked and clean* is another thing than *never checked*.

Where the calls of that time cannot be counted as fast as a statement must be, the scan takes its
first half only, or a half of that: the receipt's window says which, and the next scan begins there,
with twice as much. Less than ten seconds is not tried: then no scan is made, it is refused with
`governance_unavailable` or comes round again, and nothing is passed over.

The worker scans each workspace with an approval in force once an hour, the first time right after
the approval; anybody who works in it may ask for a scan at any time.

What is found, and how severe it is:

- `tool_new`: a tool first seen after the approval that the contract does not have. `minor`;
  `major` where people are asked about such tools, `critical` where they are allowed.
- `tool_changed`: a tool whose schema or description is not what was approved. Description only and
  narrowed `minor`; widened `minor`, `major` if grave; incompatible `major`, `critical` if grave.
- `demand_denied`: calls refused by principal, ruling or limit (layers 2, 3 and 10). `info`, from
  10 calls `minor`, from 100 `major`; one higher if grave. Calls of tools that the contract does
  not have are one item together, whatever a model named them.
- `outside_phases`: calls refused by phase (layer 4), as severe as denied demand; and commits that
  found their session in another phase, `major`, `critical` if grave.
- `rule_contradicted`: a rule of the layers 5 to 9 with 5 or more contradictions, and more than
  support. `minor`, from 100 contradictions `major`; one higher if grave.
- `rule_unused`: a rule that no call reached for 30 days in which there were calls. `info`.

A tool is grave if its side effect is destructive, admin or financial. A schema has *widened* when
it takes everything that it took and more, *narrowed* the other way round, and is *incompatible*
when it can be neither, or cannot be told. Of an object that says nothing of other members only the
named ones count: a newly named one widens, and so does another default. A tool is compared with
what was known of it at the approval: the versions that had been reported or listed by then, and the
contract's own schema. Where neither says anything, the version that was seen first is what counts
as known.

Captured calls are judged, lists of tools read and schemas compared in threads of their own: one for
scans that are due, one for those that somebody asks for, which come one at a time; `scan_busy`
after a wait of 20 seconds. It has 15 seconds from when the thread begins, and each pair of schemas
is compared once, 50 pairs of a scan at most. What is left then is said. Captures are left for the
next scan. A tool of which versions are left is an item too, with the code `not_compared`, as severe
as an incompatible change; the next scan goes on, and supersedes the item when none is left. Where
not even the lists could be read, no tool is compared, and one such item of the approval says so.

Of the sources that list tools, JSON and YAML, the last 5 are looked at, and of each the first 1,000
entries that may be tools. A tool in YAML with an alias, an anchor or a tag is known by its name
alone, and words such as `yes` are strings.

What an agent says of itself opens no more items than are of use: 100 for new tools and 20 for
versions of one tool, and one more for all the rest. Versions of a tool that has its 20 and are left
count for that one, as incompatible; once it is as severe as that, no more of them are compared.

Invariants
- Each call is counted in one scan of an approval, whoever scans, however often and on however many
  nodes: scans of one approval wait for each other, and each begins where the last one ended.
- A scan is one transaction: after a crash it was not made, and is made again.
- A scan changes no approval, no artifact, no plan and no session.

Failures: a workspace that cannot be scanned comes round again, and keeps no other waiting longer
than five minutes; one with nothing in force has nothing to compare, `nothing_to_scan`; one whose
approval changed while the scan prepared, a conflict, and the next scan looks at the new one.
"""
