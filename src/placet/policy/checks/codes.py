"""Every code of a finding: how grave it is, and what it says."""

from typing import Final

from placet.kernel.value import Value
from placet.policy.finding import Severity
from placet.policy.text.tree import DEPTH_MAX, KEY_MAX, VALUES_MAX

_ERROR: Final = Severity.ERROR
_BLOCKER: Final = Severity.BLOCKER
_ADVISORY: Final = Severity.ADVISORY


class FindingCode(Value, frozen=True):
    """One code. `says` is a sentence for the reference page."""

    code: str
    severity: Severity
    says: str


def _codes(severity: Severity, **says: str) -> tuple[FindingCode, ...]:
    return tuple(FindingCode(code=code, severity=severity, says=it) for code, it in says.items())


GROUPS: Final[tuple[tuple[str, tuple[FindingCode, ...]], ...]] = (
    (
        "Text",
        _codes(
            _ERROR,
            not_utf8="The text is not UTF-8.",
            too_large="A file, or all files of a directory together, have more than 1 MiB.",
            too_many_files="A directory has more files than a contract can have.",
            too_deep=f"The document is nested more than {DEPTH_MAX} levels deep.",
            too_many_values=f"The document holds more than {VALUES_MAX:,} values.",
            malformed_json="The text is no JSON, or holds what no contract can.",
            malformed_yaml="The text is no YAML, or holds what no contract can.",
            yaml_ambiguous="A plain word or number means another thing to other readers of YAML.",
            yaml_alias="Aliases are not taken.",
            yaml_anchor="Anchors are not taken.",
            yaml_merge="Merge keys are not taken.",
            yaml_tag="Tags are not taken.",
            yaml_key="A key is no string.",
            yaml_documents="The text holds more than one document.",
            yaml_directive="Directives are not taken.",
            key_too_long=f"A key has more than {KEY_MAX} characters.",
            duplicate_key="A key stands twice in one mapping.",
            missing_file="A directory has no `session.yaml`.",
            unknown_file="A file has no place in the directory of a contract.",
            wrong_file="A tool stands in a file of another name.",
            workflow_not_supported="Workflows are not taken yet.",
        ),
    ),
    (
        "Form",
        _codes(
            _ERROR,
            unknown_key="The language has no such key here.",
            missing_key="A key that is required is missing.",
            wrong_type="A value is of another kind than the key wants.",
            bad_value="A value is of the right kind and cannot be used.",
        ),
    ),
    (
        "Names",
        (
            *_codes(
                _ERROR,
                tool_twice="Two tools have the same name; the server makes no difference.",
                slot_twice="Two bindings declare the same slot.",
                aggregate_twice="Two aggregates have the same name.",
                envelope_twice="Two envelopes have the same name.",
                unknown_tool=(
                    "An aggregate, envelope, label, principal or limit names a tool that has no "
                    "contract."
                ),
                denied_tool="A label, principal or limit names a tool that is denied anyway.",
            ),
            *_codes(
                _ADVISORY,
                forbidden_after_unknown="`forbidden_after` names a tool that has no contract.",
            ),
        ),
    ),
    (
        "Phases",
        _codes(
            _ERROR,
            phase_no_initial="No phase is initial.",
            phase_many_initial="More than one phase is initial.",
            phase_initial_terminal="A phase is initial and terminal, so no call is ever allowed.",
            phase_no_terminal="No phase is terminal.",
            phase_twice="Two phases have the same name.",
            phase_undeclared="A transition or a tool names a phase that is not declared.",
            phase_unreachable="No transitions lead from the initial phase to this one.",
            phase_stuck="No transitions lead from this phase to a terminal one.",
            transition_undeclared="A tool advances from a phase to one without that transition.",
            transition_unused="No permitted tool makes a declared transition.",
            valid_in_terminal="A tool is valid in a terminal phase, in which no call is allowed.",
            valid_in_unreachable="A tool is valid in a phase that can never be reached.",
            phases_without_phases="A tool names phases, and the contract has none.",
        ),
    ),
    (
        "Requirements and slots",
        _codes(
            _ERROR,
            requires_absent="A required tool has no contract, so it never commits.",
            requires_denied="A required tool is denied, so it never commits.",
            requires_uncommitted="A required tool has `commit_requirement: none`.",
            requires_later_phase="A required tool only commits in later phases.",
            requires_cycle="Tools require each other, so none of them can be the first.",
            requires_forbidden="A tool is forbidden after what it requires, so it is never called.",
            requires_unmeetable="A required tool can itself never be called.",
            same_one_of="`same` names exactly one of `theirs` and `theirs_output`.",
            slot_undeclared="A slot is used that `session.bindings` does not declare.",
            slot_never_bound="No permitted tool binds a declared slot.",
            ref_never_bound="No permitted tool can have bound the slot before this call.",
            ref_not_here="Operators on slots are for `arguments` alone.",
            bind_uncommitted="A tool with `commit_requirement: none` binds from its output.",
        ),
    ),
    (
        "Paths, operators and bounds",
        _codes(
            _ERROR,
            bad_path="A path is not one of the language.",
            path_many="`[*]` stands where one value is meant.",
            path_not_in_schema="The tool's schema has no such path.",
            rule_empty="A rule has no operator.",
            contains_many="`contains` stands on a path with `[*]`.",
            bad_pattern="A pattern cannot be used, or is too large.",
            patterns_many="The contract has more patterns than are compiled.",
            bad_condition="A condition cannot be read, is of another type, or costs too much.",
            condition_constant="A condition reads nothing, so it is always the same.",
            conditions_many="The conditions of the contract are longer than is compiled.",
            excludes_everything="No value can meet the bounds: alone, together, or by the schema.",
            rule_implied="Another rule on the same path already implies this one.",
            too_costly="Checking even a small call could take too long.",
        ),
    ),
    (
        "Schemas",
        (
            *_codes(_ERROR, bad_schema="An input schema cannot be used."),
            *_codes(_ADVISORY, schema_missing="A tool has no input schema."),
        ),
    ),
    (
        "Principals, limits, aggregates and envelopes",
        (
            *_codes(
                _ERROR,
                allow_covered="Every tool of an allow is denied to the same principals.",
                threshold_beyond_window="A loop's threshold is higher than its window.",
                limit_beyond_total="A tool may be called more often than all tools together.",
                aggregate_no_bound="An aggregate has no bound.",
                aggregate_path="`count` takes no path, and every other aggregate needs one.",
                window_beyond_session="A window is longer than the session that it is about.",
                envelope_ratio="A ratio is not above 0, so nothing could be within it.",
                envelope_single_call="An envelope is on a tool that can be called only once.",
            ),
            *_codes(
                _ADVISORY,
                principals_without_allow="Rules on principals allow nothing, so all is denied.",
            ),
        ),
    ),
    (
        "Evidence, ceilings and what follows a call",
        (
            *_codes(
                _ERROR,
                evidence_too_weak="The effect of a grave tool could not be proved.",
                commit_without_evidence="`commit_requirement: none` is only for reads.",
                allow_with_checkpoint="`decision: allow` stands beside a checkpoint.",
                retry_without_effect_key="A grave tool is retried without an effect key.",
                reconcile_absent="The tool that would reconcile has no contract.",
                reconcile_denied="The tool that would reconcile is denied.",
                reconcile_not_a_read="The tool that would reconcile is no read.",
                reconcile_argument_unknown="The read that reconciles has no such argument.",
                reconcile_incomplete="`succeeded_when` or `failed_when` is missing.",
            ),
            *_codes(
                _BLOCKER,
                no_ceiling="Nothing limits how much a financial or destructive tool can do.",
                cooperative_only=(
                    "In production a financial or destructive tool is governed only cooperatively."
                ),
                unmatched_allowed=(
                    "Tools without a contract are allowed in staging or in production."
                ),
            ),
            *_codes(
                _ADVISORY,
                reconcile_argument_absent="The read that reconciles requires another argument.",
                start_optional="A grave tool may run without `start`.",
                cancel_safe="A grave tool may be cancelled while it runs.",
            ),
        ),
    ),
    (
        "Against another contract",
        _codes(
            _ADVISORY,
            widened="Something is allowed that the other contract did not allow.",
            may_widen="Something is ruled in another way, which may allow more.",
        ),
    ),
)
"""All codes by what they are about, in the order of the reference page."""

CODES: Final = {one.code: one for _, group in GROUPS for one in group}
