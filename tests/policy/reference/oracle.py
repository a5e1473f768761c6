"""A slow and obvious simulation of a contract against recorded calls.

Written from the page of the contract language alone. It keeps all that happened as one list
(`history.py`) and asks it everything anew for each call (`layers.py`, `judging.py`), so it has no
state to get wrong. What it returns is what `placet policy simulate --json` prints, with plain
codes for reasons.
"""

from datetime import datetime, timedelta

from tests.policy.reference.history import (
    Call,
    Happened,
    History,
    events,
    has,
    in_a_row,
    killed_by,
    open_asks,
    phase,
    tool_of,
)
from tests.policy.reference.judging import (
    Judged,
    candidates,
    judge,
    may_lift,
    refusals,
    rejects_all,
    would_lift,
)
from tests.policy.reference.operators import MISSING, Doc

ASK_SECONDS = 900


def simulate(contract: Doc, lines: list[Doc]) -> list[Doc]:
    """Return one document per call, and the summary last."""
    return Simulation(contract, lines).run()


class Simulation:
    """One run: the contract, all that happened, and what will be printed."""

    def __init__(self, contract: Doc, lines: list[Doc]) -> None:
        """Begin with nothing that happened."""
        self.contract = contract
        self.lines = lines
        self.history: History = []
        self.calls: dict[str, Call] = {}
        self.ignored = 0

    def run(self) -> list[Doc]:
        """Judge line by line; print at the end, when it is known what was granted at last."""
        around: dict[int, tuple[str | None, str | None]] = {}
        for number, line in enumerate(self.lines, start=1):
            now = datetime.fromisoformat(line["at"])
            self.expire_asks(now)
            before = phase(self.contract, self.history)
            self.note("line", now, data=line.get("labels", {}))
            self.late(number, line, now)
            self.respond(number, line, now)
            around[number] = before, phase(self.contract, self.history)
        printed = [self.printed(call, *around[call.line]) for call in self.calls.values()]
        return [*printed, {"summary": self.summary()}]

    def note(self, what: str, at: datetime, call: Call | None = None, data: object = None) -> None:
        """Add to the history."""
        self.history.append(Happened(what, at, call, data))

    # Receipts and the breaker.

    def late(self, number: int, line: Doc, now: datetime) -> None:
        """Apply what the line says of earlier calls: results, approvals, results of those.

        A late result that reaches a breaker kills before anything that follows it.
        """
        rest = self.receive(self.before(number), line, now)
        for earlier in range(1, number):
            self.approve(earlier, line, now)
        self.ignore(self.receive(rest, line, now), line)

    def before(self, number: int) -> list[Call]:
        """Return the calls of earlier lines."""
        return [call for call in self.calls.values() if call.line < number]

    def receive(self, calls: list[Call], line: Doc, now: datetime) -> list[Call]:
        """Apply results and costs to granted calls, in order of proposal; return the others.

        A call has one result: what comes after it changes nothing.
        """
        outputs, failed, costs = (line.get(key, {}) for key in ("outputs", "failed", "cost_micros"))
        rest = []
        for call in calls:
            is_granted = has(self.history, "granted", call)
            is_settled = has(self.history, "succeeded", call) or has(self.history, "failed", call)
            if not is_granted:
                rest.append(call)
            elif call.call_id in outputs and not is_settled:
                self.note("succeeded", now, call)
                if not has(self.history, "committed", call):
                    self.note("committed", now, call, outputs[call.call_id])
            elif call.call_id in failed and not is_settled:
                self.note("failed", now, call)
                self.kill(now)
            if is_granted and call.call_id in costs:
                self.note("cost", now, call, costs[call.call_id])
        return rest

    def ignore(self, calls: list[Call], line: Doc) -> None:
        """Count the results of calls that are not granted."""
        named = [*line.get("outputs", {}), *line.get("failed", [])]
        self.ignored += sum(named.count(call.call_id) for call in calls)

    def kill(self, now: datetime) -> None:
        """Kill the session where as many blocks or errors in a row are there as the breaker has."""
        limits = self.contract.get("session", {}).get("limits", {})
        breaker = limits.get("circuit_breaker", {})
        rows = {
            "consecutive_blocks": in_a_row(self.history, "block", "granted"),
            "consecutive_errors": in_a_row(self.history, "failed", "succeeded"),
        }
        for name, count in rows.items():
            if name in breaker and count >= breaker[name] and not killed_by(self.history):
                self.note("killed", now, data=name)

    # Asks.

    def expire_asks(self, now: datetime) -> None:
        """Asks expire once more than their time has passed, the earliest first.

        With `reject_all` what is left of the response then falls too.
        """
        ends = {
            one.call: one.at + timedelta(seconds=one.data)
            for one in events(self.history, "asked")
            if not has(self.history, "approved", one.call)
        }
        for end in sorted({end for end in ends.values() if end < now}):
            expired = [call for call in open_asks(self.history) if ends.get(call) == end]
            for call in expired:
                self.note("expired", end, call)
                self.note("answered", end, call)
            for number in {call.line for call in expired} if rejects_all(self.contract) else ():
                others = [call for call in self.ungranted(number) if call not in expired]
                self.refuse(others, ["response_refused"], end)

    def ungranted(self, number: int) -> list[Call]:
        """Return the calls of a response that are not granted."""
        calls = [call for call in self.calls.values() if call.line == number]
        return [call for call in calls if not has(self.history, "granted", call)]

    def refuse(self, calls: list[Call], codes: list[str], at: datetime) -> None:
        """Give each call a reason why it is not granted, and end its ask where it has one."""
        for call in calls:
            call.reasons = [*call.reasons, *codes]
            if call in open_asks(self.history):
                self.note("answered", at, call)

    def approve(self, number: int, line: Doc, now: datetime) -> None:
        """Note what the line approves of a response's open asks, and claim for that.

        With `reject_all` all of the response is judged again together, else what was approved.
        """
        asks = [call for call in open_asks(self.history) if call.line == number]
        asks = [call for call in asks if call.call_id in line.get("approved", [])]
        asks = [call for call in asks if not has(self.history, "approved", call)]
        for call in asks:
            self.note("approved", now, call)
        if asks:
            self.claim(self.ungranted(number) if rejects_all(self.contract) else asks, now)

    def claim(self, calls: list[Call], now: datetime) -> None:
        """Judge approved calls again, all layers, and grant those that still may run."""
        found = judge(self.contract, self.history, calls, now)
        for one in found:
            if one.verdict == "deny":
                self.refuse([one.call], one.failed, now)
        legal = [one.call for one in found if one.verdict != "deny"]
        codes = refusals(self.contract, self.history, found)
        if codes:
            self.refuse(legal, codes, now)
        elif all(one.verdict != "ask" for one in found):
            self.grant(legal, now)

    # Responses.

    def respond(self, number: int, line: Doc, now: datetime) -> None:
        """Judge a line's calls together, as one response, and apply what the line says of them."""
        calls = [self.proposed(number, line, said) for said in line["tool_calls"]]
        found = judge(self.contract, self.history, calls, now)
        tried = candidates(self.history, self.before(number), self.lines)
        for at, one in enumerate(found):
            one.call.layer, one.call.reasons, one.call.verdict = one.layer, one.failed, one.verdict
            if may_lift(one):
                one.call.unjudged = would_lift(self.contract, self.history, found, at, tried)
        self.open(found, now)
        self.approve(number, line, now)
        self.ignore(self.receive(calls, line, now), line)
        is_denied = any(call.verdict == "deny" for call in calls)
        if is_denied and not any(has(self.history, "granted", call) for call in calls):
            self.note("block", now)
            self.kill(now)

    def proposed(self, number: int, line: Doc, said: Doc) -> Call:
        """Take down a call of the line."""
        function, who = said["function"], line.get("principal", {})
        call = Call(number, said["id"], function["name"], function["arguments"], who)
        self.calls[call.call_id] = call
        return call

    def open(self, found: list[Judged], now: datetime) -> None:
        """Open the asks and grant what is allowed; with `reject_all` not while one is open."""
        asks = [one.call for one in found if one.verdict == "ask"]
        allowed = [one.call for one in found if one.verdict == "allow"]
        codes = refusals(self.contract, self.history, found)
        if codes:
            self.refuse(asks + allowed, codes, now)
            return
        for call in asks:
            tool = tool_of(self.contract, call.tool) or {}
            seconds = tool.get("checkpoint", {}).get("expires_seconds", ASK_SECONDS)
            self.note("asked", now, call, seconds)
        if asks and rejects_all(self.contract):
            self.refuse(allowed, ["sibling_awaits_approval"], now)
        else:
            self.grant(allowed, now)

    def grant(self, calls: list[Call], now: datetime) -> None:
        """Grant the calls; one that needs no acknowledgement commits at once, without output."""
        before = phase(self.contract, self.history)
        for call in calls:
            call.reasons = call.reasons if call.verdict == "ask" else []
            self.note("answered", now, call)
            self.note("granted", now, call, before)
        for call in calls:
            if (tool_of(self.contract, call.tool) or {}).get("commit_requirement") == "none":
                self.note("committed", now, call, MISSING)

    # What is printed.

    def printed(self, call: Call, before: str | None, after: str | None) -> Doc:
        """Return a call's line of output."""
        line: Doc = {"step": call.line, "call": call.call_id, "tool": call.tool}
        line |= {"verdict": call.verdict, "granted": has(self.history, "granted", call)}
        line |= {"layer": call.layer, "reasons": call.reasons}
        line |= {"phase": before, "phase_after": after}
        return line | ({"unjudged": "lifted"} if call.unjudged else {})

    def summary(self) -> Doc:
        """Return the last line of output."""
        verdicts = [call.verdict for call in self.calls.values()]
        return {
            "steps": len(self.lines),
            "allow": verdicts.count("allow"),
            "deny": verdicts.count("deny"),
            "ask": verdicts.count("ask"),
            "killed": killed_by(self.history) is not None,
            "kill_reason": killed_by(self.history),
            "unjudged": sum(call.unjudged for call in self.calls.values()),
            "ignored_receipts": self.ignored,
        }
