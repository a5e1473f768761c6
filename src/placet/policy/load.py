"""A runtime projection becomes a `Policy`: everything parsed and compiled once."""

import dataclasses
from datetime import timedelta

import msgspec
from msgspec import UNSET

from placet.kernel import foreign
from placet.policy.conditions import compile_condition
from placet.policy.cost import effect_cost, output_cost, references_cost, rules_cost, values_cost
from placet.policy.load_session import SessionLoaded, load_session
from placet.policy.loaded import Likened, LoadedRequirement, LoadedSame, LoadedTool, Policy
from placet.policy.model import Reconcile, Requirement, Rule, Ruling, Same
from placet.policy.needs import policy_needs
from placet.policy.operators import Operator, Pattern, Reference, load_references, operators
from placet.policy.paths import Path, PathError, parse_path, touches
from placet.policy.prepared import (
    NOTHING_PREPARED,
    Prepared,
    PreparedSame,
    free_bytes,
    prepared_outputs,
    prepared_references,
    prepared_tests,
)
from placet.policy.projection import COMPILER_VERSION, LIBRARIES, RuntimeProjection, RuntimeTool
from placet.policy.reconciling import LoadedReconcile
from placet.policy.schemas.checking import SchemaCheck
from placet.policy.schemas.cost import Cost


class PolicyLoadError(ValueError):
    """A runtime projection that this version cannot decide by; the text says why."""


def load_policy(runtime_projection: bytes) -> Policy:
    """Return the policy behind the bytes of a runtime projection.

    Raises `PolicyLoadError` for bytes that are none, for another compiler's version, for libraries
    that might decide otherwise, and for rules that cannot be used.
    """
    try:
        document = foreign.parse(runtime_projection)
        projection = msgspec.convert(document, RuntimeProjection)
        _check_versions(projection)
        remembered = _Remembered(projection)
        session = load_session(projection)
        return Policy(
            compiler_version=projection.compiler_version,
            agent=projection.agent,
            gate=projection.gate,
            unmatched_tools=projection.unmatched_tools,
            phases=frozenset(projection.phases),
            initial_phase=projection.initial_phase,
            terminal_phases=frozenset(projection.terminal_phases),
            transitions={name: frozenset(to) for name, to in projection.transitions.items()},
            tools={
                name: _load_tool(name, tool, remembered, session)
                for name, tool in projection.tools.items()
            },
            limits=session.limits,
            principals=session.principals,
            aggregates=tuple(one for _, one in session.aggregates),
            bindings=projection.bindings,
            needs=policy_needs(projection),
        )
    except (ValueError, msgspec.ValidationError) as fault:
        message = f"the runtime projection cannot be used: {fault}"
        raise PolicyLoadError(message) from fault


def _check_versions(projection: RuntimeProjection) -> None:
    if projection.compiler_version != COMPILER_VERSION:
        message = f"it is of compiler `{projection.compiler_version}`, this is `{COMPILER_VERSION}`"
        raise PolicyLoadError(message)
    if projection.libraries != LIBRARIES:
        message = f"it was compiled for {projection.libraries}, this is {LIBRARIES}"
        raise PolicyLoadError(message)


class _Remembered:
    """What of a committed call of each tool some rule reads."""

    def __init__(self, projection: RuntimeProjection) -> None:
        self.required: set[str] = set()
        self.arguments: dict[str, dict[str, Likened]] = {}
        self.likened: dict[str, dict[str, Likened]] = {}
        self.output: dict[str, dict[str, Path]] = {}
        for tool in projection.tools.values():
            for requirement in tool.requires:
                self._add(requirement, tool, projection.tools.get(requirement.tool))

    def _add(self, requirement: Requirement, tool: RuntimeTool, theirs: RuntimeTool | None) -> None:
        self.required.add(requirement.tool)
        output = self.output.setdefault(requirement.tool, {})
        for rule in requirement.output:
            path = parse_path(rule.path)
            output[path.text] = path
        for same in requirement.same:
            is_secret = touches(parse_path(same.ours), _paths(tool.redact))
            if same.theirs is not UNSET:
                path = parse_path(same.theirs)
                redacted = () if theirs is None else theirs.redact
                is_secret = is_secret or touches(path, _paths(redacted))
                self._liken(self.arguments, requirement.tool, path.text, path, is_secret=is_secret)
            if same.theirs_output is not UNSET:
                path = parse_path(same.theirs_output)
                key = f"={path.text}"
                self._liken(self.likened, requirement.tool, key, path, is_secret=is_secret)

    @staticmethod
    def _liken(
        kept: dict[str, dict[str, Likened]], tool: str, key: str, path: Path, *, is_secret: bool
    ) -> None:
        """Keep a path; where two rules compare it and one is secret, both are."""
        before = kept.setdefault(tool, {}).get(key)
        is_secret = is_secret or (before is not None and before.is_secret)
        kept[tool][key] = Likened(key, path, is_secret)

    def same(self, tool: str, same: Same) -> Likened:
        """Return how the other side of an equality is kept."""
        if same.theirs is not UNSET:
            return self.arguments[tool][parse_path(same.theirs).text]
        return self.likened[tool][f"={parse_path(str(same.theirs_output)).text}"]


def _paths(texts: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(map(parse_path, texts))


def _load_tool(
    name: str, tool: RuntimeTool, remembered: _Remembered, session: SessionLoaded
) -> LoadedTool:
    place = f"tools.{name}"
    redacted = tuple(parse_path(path) for path in tool.redact)
    requires = tuple(
        _load_requirement(requirement, f"{place}.requires[{index}]", remembered)
        for index, requirement in enumerate(tool.requires)
    )
    schema = _schema_check(tool, place, redacted)
    arguments = _load_rules(tool.arguments, f"{place}.arguments", redacted)
    condition = None if tool.when is None else compile_condition(tool.when)
    loaded = LoadedTool(
        name=name,
        ruling=tool.ruling,
        ruling_rule=tool.ruling_rule,
        side_effect=tool.side_effect,
        evidence_class=tool.evidence_class,
        commit_requirement=tool.commit_requirement,
        start_required=tool.start_required,
        total_ms=tool.total_ms,
        server=tool.server,
        checkpoint=tool.checkpoint,
        checkpoint_rule=tool.ruling_rule if tool.ruling is Ruling.ASK else f"{place}.checkpoint",
        valid_in=tool.valid_in,
        advances_to=tool.advances_to,
        requires=requires,
        forbidden_after=tool.forbidden_after,
        schema_check=schema,
        schema_hash=None if tool.schema_hash is None else bytes.fromhex(tool.schema_hash),
        arguments=arguments,
        references=_load_references(tool.arguments, f"{place}.arguments"),
        condition=condition,
        binds=session.binds_of(tool.binds),
        effect_key=tuple(parse_path(path) for path in tool.effect_key),
        aggregates=tuple(one for of, one in session.aggregates if of == name),
        envelopes=tuple(one for of, one in session.envelopes if of == name),
        labels=tuple(one for one in session.labels if one.covers(name)),
        principals=tuple(one for one in session.principals if one.covers(name)),
        volatile=tuple(parse_path(path) for path in tool.volatile),
        redacted=redacted,
        retries=tool.retries,
        cancel=tool.cancel,
        reconcile=_load_reconcile(tool.reconcile, f"{place}.reconcile"),
        cost=Cost(),
        is_required=name in remembered.required,
        likened_arguments=tuple(remembered.arguments.get(name, {}).values()),
        likened_output=tuple(remembered.likened.get(name, {}).values()),
        remembered_output=tuple(remembered.output.get(name, {}).values()),
        prepared=NOTHING_PREPARED,
    )
    cost = _cost(loaded)
    return dataclasses.replace(loaded, cost=cost, prepared=_prepared(loaded, cost))


def _prepared(tool: LoadedTool, cost: Cost) -> Prepared:
    sames = [_prepared_sames(requirement) for requirement in tool.requires]
    outputs = [prepared_outputs(requirement.output) for requirement in tool.requires]
    return Prepared(
        free_bytes=free_bytes(cost, tool.arguments),
        tests=prepared_tests(tool.arguments),
        sames=None if None in sames else tuple(one for one in sames if one is not None),
        outputs=None if None in outputs else tuple(one for one in outputs if one is not None),
        references=prepared_references(tool.references),
    )


def _prepared_sames(requirement: LoadedRequirement) -> tuple[PreparedSame, ...] | None:
    prepared = []
    for same in requirement.same:
        if same.ours.only is None:
            return None
        theirs = same.theirs
        prepared.append(PreparedSame(same.ours.only, theirs.key, theirs.is_secret, same.is_output))
    return tuple(prepared)


def _cost(tool: LoadedTool) -> Cost:
    total = rules_cost(tool.arguments).plus(effect_cost(len(tool.effect_key)))
    total = total.plus(references_cost(tool.references))
    total = total.plus(values_cost(len(tool.aggregates) + len(tool.envelopes) + len(tool.volatile)))
    for requirement in tool.requires:
        total = total.plus(output_cost(requirement.output))
        total = total.plus(effect_cost(len(requirement.same)))
    if tool.condition is not None:
        total = total.plus(tool.condition.cost)
    return total if tool.schema_check is None else total.plus(tool.schema_check.cost)


def _load_references(rules: tuple[Rule, ...], place: str) -> tuple[Reference, ...]:
    return tuple(
        reference
        for index, rule in enumerate(rules)
        for reference in load_references(rule, f"{place}[{index}]")
    )


def _load_requirement(
    requirement: Requirement, place: str, remembered: _Remembered
) -> LoadedRequirement:
    return LoadedRequirement(
        rule=place,
        tool=requirement.tool,
        same=tuple(
            _load_same(same, requirement.tool, f"{place}.same[{index}]", remembered)
            for index, same in enumerate(requirement.same)
        ),
        output=_load_rules(requirement.output, f"{place}.output", ()),
        within=None
        if requirement.within_seconds is UNSET
        else timedelta(seconds=requirement.within_seconds),
    )


def _load_reconcile(reconcile: Reconcile | None, place: str) -> LoadedReconcile | None:
    if reconcile is None:
        return None
    return LoadedReconcile(
        rule=place,
        tool=reconcile.tool,
        arguments=tuple((name, parse_path(text)) for name, text in reconcile.arguments.items()),
        succeeded_when=_load_rules(reconcile.succeeded_when, f"{place}.succeeded_when", ()),
        failed_when=_load_rules(reconcile.failed_when, f"{place}.failed_when", ()),
    )


def _load_rules(
    rules: tuple[Rule, ...], place: str, redacted: tuple[Path, ...]
) -> tuple[Operator, ...]:
    return tuple(
        operator
        for index, rule in enumerate(rules)
        for operator in operators(
            rule,
            f"{place}[{index}]",
            _compile_pattern,
            is_secret=touches(parse_path(rule.path), redacted),
        )
    )


def _load_same(same: Same, tool: str, place: str, remembered: _Remembered) -> LoadedSame:
    if (same.theirs is UNSET) is (same.theirs_output is UNSET):
        message = "`same` names exactly one of `theirs` and `theirs_output`"
        raise PathError(message)
    loaded = LoadedSame(
        rule=place,
        ours=parse_path(same.ours),
        theirs=remembered.same(tool, same),
        is_output=same.theirs is UNSET,
    )
    if loaded.ours.is_many or loaded.theirs.path.is_many:
        message = "`same` compares one value with one value; `[*]` has no place in it"
        raise PathError(message)
    return loaded


def _compile_pattern(pattern: str) -> Pattern:
    from placet.policy.schemas import engine  # noqa: PLC0415 -- only where a pattern is used

    return engine.compile_pattern(pattern)


def _schema_check(tool: RuntimeTool, place: str, redacted: tuple[Path, ...]) -> SchemaCheck | None:
    if tool.input_schema is None:
        return None
    from placet.policy.schemas import engine  # noqa: PLC0415 -- only where a schema is used

    return engine.schema_check(tool.input_schema, f"{place}.input_schema", redacted)
