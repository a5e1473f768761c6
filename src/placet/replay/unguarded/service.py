"""Reports of calls that ran without a grant."""

from typing import Final
from uuid import UUID

import msgspec

from placet.kernel.value import Value
from placet.replay.calls.memory import Known
from placet.replay.calls.runtime import ATTEMPTS, COLD, Runtime
from placet.replay.sessions.codes import STALE, refusal
from placet.replay.sessions.rules import encode_state, opening_state
from placet.replay.unguarded import store
from placet.replay.unguarded.model import ReportUnguarded, UnguardedAnswer
from placet.replay.unguarded.rules import Reported, decide_unguarded
from placet.replay.unguarded.store import UnguardedWrite
from placet.storage.idempotency import check_told
from placet.tenancy.model import ParsedKey


class Report(Value, frozen=True):
    """Which session is told of, and what tells this report from every other."""

    session_id: UUID
    route: str
    idempotency_key: str
    fingerprint: bytes


_ANSWER: Final = msgspec.json.Decoder(UnguardedAnswer)
_UNKNOWN: Final = Reported(after=opening_state(None), said=())


async def report_unguarded(
    runtime: Runtime, key: ParsedKey, report: Report, asked: ReportUnguarded
) -> UnguardedAnswer:
    """Count calls that ran without a grant, once for each idempotency key.

    Refuses `idempotency_conflict` where the key stands for another request, and `answer_erased`
    where the first answer is gone.
    """
    known = runtime.find(key, report.session_id)
    for _ in range(ATTEMPTS):
        decided = await _decide(runtime, known, asked)
        write = UnguardedWrite(
            route=report.route,
            idempotency_key=report.idempotency_key,
            fingerprint=report.fingerprint,
            decided_version=COLD if known is None else known.state_version,
            state=encode_state(decided.after),
            stop=decided.stop,
            events=[runtime.event(said) for said in decided.said],
        )
        row = await store.report_unguarded(runtime.db.hot, key, report.session_id, write)
        match row["code"]:
            case "redo":
                known = runtime.learn(key, report.session_id, row["facts"], known)
            case "ok":
                told = _ANSWER.decode(row["answer"])
                if known is not None:
                    known.moved(decided.after, told.state_version, known.at)
                return told
            case "replayed":
                check_told(row["answer"])
                return msgspec.structs.replace(_ANSWER.decode(row["answer"]), replayed=True)
            case code:
                raise refusal(code)
    raise refusal(STALE)


async def _decide(runtime: Runtime, known: Known | None, asked: ReportUnguarded) -> Reported:
    if known is None:
        return _UNKNOWN
    policy = (await runtime.pinned(known)).policy
    return decide_unguarded(policy, known.state, known.mode, asked.calls, asked.since)
