"""What was reported of calls, as far as it may settle them: without outputs, and at its level now.

What a tool's host signed counts while its key does: the key may have been revoked since.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

import msgspec

from placet.authority.tool_hosts import store as hosts
from placet.kernel.principal import Environment
from placet.kernel.value import Value
from placet.policy.loaded import LoadedTool
from placet.replay.calls import store
from placet.replay.calls.model import EvidenceLevel, ReceiptStatus
from placet.replay.calls.rules import suffices
from placet.replay.calls.store import ReportedWord
from placet.storage.database import Reading


class Reports(Value, frozen=True):
    """What was reported of one call: every status that was, and the words that came in order."""

    statuses: frozenset[ReceiptStatus]
    words: list[ReportedWord]


NO_REPORTS = Reports(statuses=frozenset(), words=[])


async def read_reports(
    tx: Reading, environment: Environment, session_id: UUID, calls: Collection[UUID]
) -> dict[UUID, Reports]:
    """Return what was reported of these calls; those that nobody reported on are left out."""
    statuses = await store.list_reported_statuses(tx, session_id, calls)
    words: dict[UUID, list[ReportedWord]] = {call_id: [] for call_id in statuses}
    found = await store.list_reported_words(tx, session_id, calls)
    for word in await _weighed(tx, environment, found):
        words[word.pending_call_id].append(word)
    return {
        call_id: Reports(statuses=frozenset(statuses[call_id]), words=each)
        for call_id, each in words.items()
    }


def choose(
    reports: Reports, tool: LoadedTool | None, environment: Environment
) -> ReportedWord | None:
    """Return the first word that came in order and is enough.

    Reports that say different things settle nothing: somebody has to look.
    """
    if {ReceiptStatus.SUCCEEDED, ReceiptStatus.FAILED} <= reports.statuses:
        return None
    enough = (
        word
        for word in reports.words
        if suffices(word.status, word.evidence_level, tool, environment)
    )
    return min(enough, key=lambda word: word.receipt_id, default=None)


async def _weighed(
    tx: Reading, environment: Environment, words: Sequence[ReportedWord]
) -> list[ReportedWord]:
    """Return words at the levels at which they count now.

    One whose host's key counts no more is its reporter's own word, and no better.
    """
    weighed = []
    for word in words:
        counts = word.attested_by is None or await hosts.is_attesting(
            tx, environment, word.tool_name, word.attested_by
        )
        level = word.evidence_level if counts else EvidenceLevel.CLIENT_REPORTED
        weighed.append(msgspec.structs.replace(word, evidence_level=level))
    return weighed
