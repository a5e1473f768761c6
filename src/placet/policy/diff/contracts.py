"""Two contracts, compared rule by rule."""

from collections.abc import Iterator

from placet.policy.diff.amounts import aggregate_changes, envelope_changes
from placet.policy.diff.change import Change, in_order
from placet.policy.diff.limits import limit_changes
from placet.policy.diff.people import label_changes, principal_changes
from placet.policy.diff.session import session_changes
from placet.policy.diff.slots import slot_changes
from placet.policy.diff.standing import tool_changes
from placet.policy.model import Contract, SessionRules


def diff_contracts(old: Contract | None, new: Contract) -> list[Change]:
    """Return what changed from one contract to another: widened first, then changed, then narrowed.

    Without an old one no call could pass, and each tool of the new one is a change. Two contracts
    that say the same in other words, or in another order, have no change between them. Never
    raises: what cannot be read is compared as it is written.
    """
    if old is None:
        return in_order(_beginnings(new))
    return in_order(_changes(old, new))


def _beginnings(new: Contract) -> Iterator[Change]:
    """Yield what a first contract lets pass: against one with neither tools nor other rules."""
    unmatched = SessionRules(unmatched_tools=new.session.unmatched_tools)
    nothing = Contract(schema_version="1", agent=new.agent, tools=())
    open_alone = Contract(schema_version="1", agent=new.agent, tools=(), session=unmatched)
    yield from session_changes(nothing, open_alone)
    yield from tool_changes(nothing, new)


def _changes(old: Contract, new: Contract) -> Iterator[Change]:
    was, now = old.session, new.session
    yield from session_changes(old, new)
    yield from limit_changes(was.limits, now.limits)
    yield from principal_changes(was.principals, now.principals)
    yield from slot_changes(old, new)
    yield from aggregate_changes(was.aggregates, now.aggregates)
    yield from envelope_changes(was.envelopes, now.envelopes)
    yield from label_changes(was.labels, now.labels)
    yield from tool_changes(old, new)
