"""What holds for a call of one tool once it is granted, in two contracts that both have it."""

from collections.abc import Iterator
from typing import Final, cast

import msgspec
from msgspec import UNSET

from placet.kernel.foreign import Json
from placet.policy.diff.arguments import canonical_path, groups
from placet.policy.diff.change import (
    At,
    Change,
    Said,
    judged,
    members,
    neutral,
    ranked,
    undecided,
)
from placet.policy.diff.side import Side
from placet.policy.model import Cancel, CommitRequirement, EvidenceClass, Rule, SideEffect
from placet.policy.paths import Every, PathError, parse_path
from placet.policy.rulings import GRAVE, is_start_required
from placet.policy.text.document import plain

_EVIDENCE: Final = {
    EvidenceClass.LOCAL_TRANSACTION: 2,
    EvidenceClass.ACK_ONLY: 1,
    EvidenceClass.UNVERIFIABLE: 0,
}


def run_changes(old: Side, new: Side) -> Iterator[Change]:
    """Yield what changed in how a tool is run, and in what is taken for its outcome."""
    at = At(tool=new.tool.tool)
    was, now = old.tool, new.tool
    yield from _weight_changes(at, old, new)
    yield from _evidence_changes(at, old, new)
    yield from _commit_changes(at, old, new)
    if was.server != now.server:
        yield from undecided(at, _said(old, "server"), _said(new, "server"))
    more = is_start_required(was) - is_start_required(now)
    yield from ranked(at, _start(old), _start(new), more=more)
    more = (now.cancel is Cancel.SAFE) - (was.cancel is Cancel.SAFE)
    yield from ranked(at, _said(old, "cancel"), _said(new, "cancel"), more=more)
    yield from _retry_changes(at, old, new)
    yield from _timeout_changes(at, old, new)
    yield from _reconcile_changes(at, old, new)
    yield from _volatile_changes(at, old, new)


def redaction_changes(old: Side, new: Side) -> Iterator[Change]:
    """Yield what is hidden in one contract alone; it may widen whatever the tool's ruling is.

    A value that was hidden may now be read in what is told of any call, of a refused one too.
    """
    at = At(tool=new.tool.tool)
    says = "no value of {} is shown in a reason or an event"
    was, now = (_paths(side, "redact", says) for side in (old, new))
    for path, said in now.items():
        if path not in was:
            yield from neutral(at, None, said)
    for path, said in was.items():
        if any(_is_hidden(path, other) for other in now):
            if path not in now:
                yield from neutral(at, said, None)
            continue
        seen = f"{said.says}; a secret that stands there may now be seen"
        yield from undecided(at, msgspec.structs.replace(said, says=seen), None)


def _is_hidden(path: str, by: str) -> bool:
    """Say whether all that one path selects is at or under what another one selects."""
    if path == by:
        return True
    try:
        parts, above = parse_path(path).parts, parse_path(by).parts
    except PathError:
        return False
    return len(parts) >= len(above) and all(
        part == other or (other is Every.ELEMENT and isinstance(part, int))
        for part, other in zip(parts, above, strict=False)
    )


def _weight_changes(at: At, old: Side, new: Side) -> Iterator[Change]:
    """Yield another side effect: a graver one takes stronger evidence of a failure."""
    if old.tool.side_effect is new.tool.side_effect:
        return
    said = (_said(old, "side_effect"), _said(new, "side_effect"))
    more = _weight(old.tool.side_effect) - _weight(new.tool.side_effect)
    yield from ranked(at, *said, more=more) if more else neutral(at, *said)


def _weight(side_effect: SideEffect) -> int:
    if side_effect in GRAVE:
        return 2
    return 1 if side_effect is SideEffect.WRITE else 0


def _evidence_changes(at: At, old: Side, new: Side) -> Iterator[Change]:
    """Yield another class of evidence.

    A weaker one widens. A stronger one narrows, but for `unverifiable`, where an operator alone
    could tell of a success and now the tool can.
    """
    was, now = old.tool.evidence_class, new.tool.evidence_class
    more = _EVIDENCE[was] - _EVIDENCE[now]
    said = (_said(old, "evidence_class"), _said(new, "evidence_class"))
    is_wider = more > 0 or (more < 0 and was is EvidenceClass.UNVERIFIABLE)
    yield from judged(at, *said, is_wider=is_wider, is_narrower=more < 0)


def _commit_changes(at: At, old: Side, new: Side) -> Iterator[Change]:
    """Yield another commit requirement: a later commit leaves the session longer as it is."""
    was, now = old.tool.commit_requirement, new.tool.commit_requirement
    if was is now:
        return
    is_weaker = now is CommitRequirement.NONE
    is_wider = is_weaker or old.leaves_something or new.leaves_something
    said = (_said(old, "commit_requirement"), _said(new, "commit_requirement"))
    yield from judged(at, *said, is_wider=is_wider, is_narrower=not is_weaker)


def _said(side: Side, key: str) -> Said | None:
    value = getattr(side.tool, key)
    if value is UNSET:
        return None
    says = f"`{key}` of `{side.tool.tool}` is `{value}`"
    return Said(steps=(*side.steps, key), value=str(value), says=says)


def _start(side: Side) -> Said:
    is_needed = is_start_required(side.tool)
    must = "must be" if is_needed else "need not be"
    says = f"a grant of `{side.tool.tool}` {must} redeemed before the tool runs"
    key = "side_effect" if side.tool.start is UNSET else "start"
    value = "required" if is_needed else "optional"
    return Said(steps=(*side.steps, key), value=value, says=says)


def _retry_changes(at: At, old: Side, new: Side) -> Iterator[Change]:
    was, now = old.tool.retries, new.tool.retries
    attempts = (
        Said(
            steps=(*side.steps, "retries", "max_attempts"),
            value=side.tool.retries.max_attempts,
            says=f"`{side.tool.tool}` is tried at most {side.tool.retries.max_attempts} times",
        )
        for side in (old, new)
    )
    yield from ranked(at, *attempts, more=now.max_attempts - was.max_attempts)
    errors, errors_now = (
        {
            error: Said(
                steps=(*side.steps, "retries", "retry_on", index),
                value=error,
                says=f"`{side.tool.tool}` is tried again after `{error}`",
            )
            for index, error in enumerate(side.tool.retries.retry_on)
        }
        for side in (old, new)
    )
    yield from members(at, errors, errors_now, more_is_wider=True)


def _timeout_changes(at: At, old: Side, new: Side) -> Iterator[Change]:
    """Yield another time-out: a longer one lets a grant be used later.

    With a shorter one a call is unknown sooner, and what reconciles it may sooner free what it
    holds.
    """
    was, now = old.tool.timeouts.total_ms, new.tool.timeouts.total_ms
    said = (
        Said(
            steps=(*side.steps, "timeouts", "total_ms"),
            value=side.tool.timeouts.total_ms,
            says=f"a grant of `{side.tool.tool}` ends after {side.tool.timeouts.total_ms} ms",
        )
        for side in (old, new)
    )
    is_freed = now < was and new.tool.reconcile is not UNSET
    yield from judged(at, *said, is_wider=now > was or is_freed, is_narrower=now < was)


def _reconcile_changes(at: At, old: Side, new: Side) -> Iterator[Change]:
    """Yield another way to tell what became of a call: what is settled frees or commits."""
    before, after = (_reconcile(side) for side in (old, new))
    if _reconcile_key(old) != _reconcile_key(new):
        is_wider, is_narrower = after is not None, before is not None
        yield from judged(at, before, after, is_wider=is_wider, is_narrower=is_narrower)


def _reconcile(side: Side) -> Said | None:
    reconcile = side.tool.reconcile
    if reconcile is UNSET:
        return None
    says = f"what became of a call of `{side.tool.tool}` is told by `{reconcile.tool}`"
    value = cast("Json", plain(reconcile))
    return Said(steps=(*side.steps, "reconcile"), value=value, says=says)


def _reconcile_key(side: Side) -> object:
    reconcile = side.tool.reconcile
    if reconcile is UNSET:
        return None
    arguments = {name: canonical_path(path) for name, path in reconcile.arguments.items()}
    return (
        reconcile.tool,
        arguments,
        _rules_key(reconcile.succeeded_when),
        _rules_key(reconcile.failed_when),
    )


def _rules_key(rules: tuple[Rule, ...]) -> set[tuple[str, str, bytes]]:
    return {(path, *atom.key) for path, group in groups(rules, ()).items() for atom in group.atoms}


def _volatile_changes(at: At, old: Side, new: Side) -> Iterator[Change]:
    """Yield other volatile paths: with more of them, more calls are alike."""
    was, now = (
        _paths(side, "volatile", "calls that differ in {} alone are alike") for side in (old, new)
    )
    if new.contract.session.limits.loop is not UNSET:
        at = At(layer=10, tool=at.tool)
        yield from members(at, was, now, more_is_wider=False)
        return
    for path in dict.fromkeys((*now, *was)):
        if (path in was) is not (path in now):
            yield from neutral(at, was.get(path), now.get(path))


def _paths(side: Side, key: str, says: str) -> dict[str, Said]:
    """Return the paths under a key by their canonical text; `says` has a place for one."""
    paths = [canonical_path(path) for path in getattr(side.tool, key)]
    return {
        path: Said(steps=(*side.steps, key, index), value=path, says=says.format(f"`{path}`"))
        for index, path in enumerate(paths)
    }
