"""What a kept command makes of a contract. The only code that changes one.

A command is decided by reading its pieces and then replaying it, so whoever replays the kept
commands gets every contract that a draft ever held.
"""

from typing import Final, cast

from placet.kernel.foreign import Json
from placet.policy.model import Gate, Ruling
from placet.studio.drafts.model import CommandType
from placet.studio.drafts.places import Document, rule_id

LISTS: Final = {
    CommandType.SET_PHASE: ("phases", "name", "phase"),
    CommandType.REMOVE_PHASE: ("phases", "name", "name"),
    CommandType.SET_BINDING: ("bindings", "slot", "binding"),
    CommandType.REMOVE_BINDING: ("bindings", "slot", "slot"),
    CommandType.SET_AGGREGATE: ("aggregates", "name", "aggregate"),
    CommandType.REMOVE_AGGREGATE: ("aggregates", "name", "name"),
    CommandType.SET_ENVELOPE: ("envelopes", "name", "envelope"),
    CommandType.REMOVE_ENVELOPE: ("envelopes", "name", "name"),
}
"""For commands on named parts: the list, what its items are called by, the command's own field."""

NAMELESS: Final = {
    CommandType.SET_PRINCIPAL_RULE: "principals",
    CommandType.REMOVE_PRINCIPAL_RULE: "principals",
    CommandType.SET_LABEL_RULE: "labels",
    CommandType.REMOVE_LABEL_RULE: "labels",
}
"""For commands on rules without a name: the list that they stand in."""

MAPPINGS: Final = {
    CommandType.SET_TRANSITION: ("transitions", "from", "to"),
    CommandType.REMOVE_TRANSITION: ("transitions", "from", "to"),
    CommandType.SET_RISK_DEFAULT: ("risk_defaults", "side_effect", "ruling"),
    CommandType.REMOVE_RISK_DEFAULT: ("risk_defaults", "side_effect", "ruling"),
}
"""For commands on mappings: the mapping, and the command's fields with the key and the value."""

VALUES: Final = {
    CommandType.SET_GATE: ("gate", "gate"),
    CommandType.SET_UNMATCHED_TOOLS: ("unmatched_tools", "ruling"),
}
"""For commands on single values: the key, and the command's own field."""

COMMENTS: Final = frozenset(
    {CommandType.COMMENT, CommandType.RESOLVE_COMMENT, CommandType.REOPEN_COMMENT}
)
WHOLE: Final = frozenset(
    {
        CommandType.IMPORT_CONTRACT,
        CommandType.IMPORT_ARTIFACT,
        CommandType.RESTORE_VERSION,
        CommandType.RESTORE_SNAPSHOT,
        CommandType.REBASE,
    }
)
"""Commands that set the whole contract, whatever it was before."""

UNCHANGING: Final = COMMENTS | {
    CommandType.ADD_SOURCE,
    CommandType.RETIRE_SOURCE,
    CommandType.RESOLVE_JUDGMENT,
    CommandType.REOPEN_JUDGMENT,
    CommandType.REJECT_INFERRED_RULE,
}
"""Commands after which every rule is as it was."""

PER_TOOL: Final = "max_calls_per_tool"
_DEFAULTS: Final[Document] = {
    "gate": Gate.REJECT_ALL.value,
    "unmatched_tools": Ruling.DENY.value,
}


def replay(before: Document, payload: Document) -> Document:
    """Return the contract after a kept command."""
    kind = CommandType(cast("str", payload["type"]))
    match kind:
        case CommandType.SET_SESSION:
            return with_session(before, cast("Document", payload["session"]))
        case CommandType.SET_TOOL_CONTRACT | CommandType.ACCEPT_INFERRED_RULE:
            return before | {"tools": _put(_tools(before), "tool", payload["tool"])}
        case CommandType.REMOVE_TOOL_CONTRACT:
            return before | {"tools": _others(_tools(before), "tool", payload["tool"])}
    if kind in WHOLE:
        return cast("Document", payload["contract"])
    if kind in UNCHANGING:
        return before
    return with_session(before, _session_after(session_of(before), kind, payload))


def session_of(document: Document) -> Document:
    """Return what a contract says for a session as a whole."""
    return cast("Document", document.get("session", {}))


def with_session(document: Document, session: Document) -> Document:
    """Return a contract with other rules for the session, without what is empty or the default."""
    said = {
        key: value
        for key, value in session.items()
        if value not in ({}, []) and _DEFAULTS.get(key) != value
    }
    rest = {key: value for key, value in document.items() if key != "session"}
    return {**rest, "session": said} if said else rest


def _session_after(session: Document, kind: CommandType, payload: Document) -> Document:
    if kind in LISTS:
        key, by, own = LISTS[kind]
        change = _others if own == by else _put
        return session | {key: change(items_of(session, key), by, payload[own])}
    if kind in NAMELESS:
        key = NAMELESS[kind]
        return session | {key: _nameless(items_of(session, key), payload)}
    if kind in MAPPINGS:
        key, name, own = MAPPINGS[kind]
        after = _at(mapping_of(session, key), cast("str", payload[name]), payload.get(own))
        return session | {key: after}
    if kind in VALUES:
        key, own = VALUES[kind]
        return session | {key: payload[own]}
    limits = mapping_of(session, "limits")
    if kind is CommandType.SET_LIMITS:
        return session | {"limits": _limited(limits, mapping_of(payload, "limits"))}
    return session | {"limits": _unlimited(limits, payload)}


def items_of(session: Document, key: str) -> list[Document]:
    """Return the items of one list of a session."""
    return cast("list[Document]", session.get(key, []))


def mapping_of(session: Document, key: str) -> Document:
    """Return one mapping of a session."""
    return cast("Document", session.get(key, {}))


def _tools(document: Document) -> list[Document]:
    return cast("list[Document]", document["tools"])


def _put(items: list[Document], by: str, value: Json) -> Json:
    """Return the items with this one in the place of its namesake, or at the end."""
    item = cast("Document", value)
    if all(known[by] != item[by] for known in items):
        return cast("Json", [*items, item])
    return cast("Json", [item if known[by] == item[by] else known for known in items])


def _others(items: list[Document], by: str, name: Json) -> Json:
    return cast("Json", [item for item in items if item[by] != name])


def _nameless(rules: list[Document], payload: Document) -> Json:
    """Return the rules without one, or with one in the place of another or at the end."""
    if "rule_id" in payload:
        return cast("Json", [known for known in rules if rule_id(known) != payload["rule_id"]])
    rule, replaced = payload["rule"], payload.get("replaces")
    if replaced is None:
        return cast("Json", [*rules, rule])
    return cast("Json", [rule if rule_id(known) == replaced else known for known in rules])


def _at(mapping: Document, name: str, value: Json) -> Document:
    """Return a mapping with a value at a name, or without it for null."""
    rest = {known: held for known, held in mapping.items() if known != name}
    return rest if value is None else {**rest, name: value}


def _limited(limits: Document, given: Document) -> Document:
    if PER_TOOL not in given:
        return limits | given
    return limits | given | {PER_TOOL: mapping_of(limits, PER_TOOL) | mapping_of(given, PER_TOOL)}


def _unlimited(limits: Document, payload: Document) -> Document:
    if "tool" not in payload:
        return _at(limits, cast("str", payload["limit"]), None)
    left = _at(mapping_of(limits, PER_TOOL), cast("str", payload["tool"]), None)
    return _at(limits, PER_TOOL, left or None)
