"""A case table as an author writes it. Which keys go together is checked in `read`."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, UnsetType, field

from placet.kernel.value import Input
from placet.policy.decision import Code
from placet.policy.facts import Status
from placet.policy.model import Approvers, Attribute, Micros, Name, Rule

AT_DEFAULT: Final = "2026-03-01T12:00:00Z"
CASES_MAX: Final = 5_000
CALLS_MAX: Final = 1_000

CaseName = Annotated[str, Meta(min_length=1, max_length=200)]
Arguments = dict[str, object] | str
"""The arguments of a call: a mapping, or JSON text where the text itself matters."""

Ago = Annotated[float, Meta(ge=-1e9, le=1e9)]
"""Seconds before the time of the case; a slow clock's are below 0."""

Many = Annotated[int, Meta(ge=0, le=10**9)]
Layer = Annotated[int, Meta(ge=1, le=11)]


class GivenCall(Input, frozen=True):
    """A call of the agent. `without` leaves keys of the default arguments out."""

    tool: Name | UnsetType = UNSET
    arguments: Arguments | UnsetType = UNSET
    without: tuple[Attribute, ...] = ()
    approved: bool | UnsetType = UNSET


class PastCall(Input, frozen=True):
    """An earlier call. `ago` is how many seconds before `at` it was last heard of.

    It was granted then too, unless `granted_ago` says when. Calls with the same `step` were one
    response; without it, each was one of its own. `principal` is the case's unless it is given.
    """

    tool: Name
    arguments: Arguments = field(default_factory=dict)
    output: object | UnsetType = UNSET
    ago: Ago = 0
    granted_ago: Ago | UnsetType = UNSET
    step: Many | UnsetType = UNSET
    principal: dict[Attribute, object] | UnsetType = UNSET
    timed_out: bool = False


PastCalls = Annotated[tuple[PastCall, ...], Meta(max_length=CALLS_MAX)]


class Situation(Input, frozen=True):
    """What is known of the session. Times are seconds before `at`; the rest is as in `Facts`.

    `committed`, `open` (granted or unknown), `failed`, `denied` (each a response of its own) and
    `unguarded` are calls, and leave behind what such calls do, in the order of their times. Every
    other key says a fact outright, whatever the calls have left; `counted` and `slots` only for
    the names that they have.
    """

    at: str | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    phase: Name | UnsetType | None = UNSET
    committed: PastCalls | UnsetType = UNSET
    open: PastCalls | UnsetType = UNSET
    failed: PastCalls | UnsetType = UNSET
    denied: PastCalls | UnsetType = UNSET
    unguarded: PastCalls | UnsetType = UNSET
    counted: dict[Name, Many] | UnsetType = UNSET
    steps: Many | UnsetType = UNSET
    step_counted: bool | UnsetType = UNSET
    slots: dict[Name, object] | UnsetType = UNSET
    labels: dict[Attribute, str] | UnsetType = UNSET
    principal: dict[Attribute, object] | UnsetType = UNSET
    cost_micros: Micros | UnsetType = UNSET
    reserved_micros: Micros | UnsetType = UNSET
    granted: PastCalls | UnsetType = UNSET
    started_ago: Ago | UnsetType | None = UNSET
    waited: Ago | UnsetType = UNSET
    waiting_for: Ago | UnsetType = UNSET
    effect_keys_taken: PastCalls | UnsetType = UNSET
    filtered: tuple[Name, ...] | UnsetType = UNSET
    recovering: bool | UnsetType = UNSET


class Override(Input, frozen=True):
    """What a case changes in the contract: JSON merge patches, for tools by name."""

    session: dict[str, object] = field(default_factory=dict)
    tools: dict[Name, object] = field(default_factory=dict)


class Outcome(StrEnum):
    """What becomes of one call of a response."""

    GRANTED = "granted"
    HELD = "held"
    AWAITS = "awaits"
    BLOCKED_RULE = "blocked:rule"
    BLOCKED_RESPONSE = "blocked:response_refused"
    BLOCKED_CONFLICT = "blocked:phase_conflict"


Verdict = Literal["allow", "deny", "ask"]


class ExpectedReason(Input, frozen=True):
    """One reason; what is not given may be anything."""

    code: Code
    rule: str | UnsetType = UNSET
    detail: str | UnsetType = UNSET
    needs: str | UnsetType = UNSET


class ExpectedCall(Input, frozen=True):
    """What becomes of one call of a response; `codes` are its own and the response's."""

    outcome: Outcome
    verdict: Verdict | UnsetType = UNSET
    layer: Layer | UnsetType = UNSET
    codes: tuple[Code, ...] | UnsetType = UNSET
    rule: str | UnsetType = UNSET


class Expected(Input, frozen=True):
    """What must come out. Only what is given is compared; `codes` and `reasons` are whole lists.

    `holds_from` and `holds_until` are seconds after `at`, null for without end.
    """

    verdict: Verdict | UnsetType = UNSET
    layer: Layer | UnsetType = UNSET
    codes: tuple[Code, ...] | UnsetType = UNSET
    reasons: tuple[ExpectedReason, ...] | UnsetType = UNSET
    rule: str | UnsetType = UNSET
    holds_from: Ago | UnsetType | None = UNSET
    holds_until: Ago | UnsetType | None = UNSET
    all_of: tuple[Approvers, ...] | UnsetType = UNSET
    expires_seconds: Many | UnsetType = UNSET
    reason_required: bool | UnsetType = UNSET
    calls: tuple[Outcome | ExpectedCall, ...] | UnsetType = UNSET
    text: bool | UnsetType = UNSET
    offered: tuple[Name, ...] | UnsetType = UNSET
    hidden: dict[Name, Code] | UnsetType = UNSET


Documents = Annotated[tuple[Arguments, ...], Meta(min_length=1)]


class Case(Input, frozen=True):
    """One situation and what must come out.

    Exactly one of: `call`, `calls` (one response), `narrow` (the tools that the agent has, or all
    of the contract), `rule` (one rule, with documents that it `holds` for and `fails` for).
    """

    name: CaseName
    contract: Override | UnsetType = UNSET
    facts: Situation = field(default_factory=Situation)
    call: GivenCall | UnsetType = UNSET
    calls: Annotated[tuple[GivenCall, ...], Meta(max_length=CALLS_MAX)] | UnsetType = UNSET
    narrow: Literal["all"] | tuple[Name, ...] | UnsetType = UNSET
    rule: Rule | UnsetType = UNSET
    expect: Expected | UnsetType = UNSET
    holds: Documents | UnsetType = UNSET
    fails: Documents | UnsetType = UNSET


class Defaults(Input, frozen=True):
    """What every case of the table has unless it says otherwise."""

    facts: Situation = field(default_factory=Situation)
    call: GivenCall | UnsetType = UNSET


class CaseFile(Input, frozen=True):
    """A table. `contract` is a document, or the path of one; a table of rules needs none."""

    contract: dict[str, object] | str | UnsetType = UNSET
    defaults: Defaults = field(default_factory=Defaults)
    cases: Annotated[tuple[Case, ...], Meta(min_length=1, max_length=CASES_MAX)]
