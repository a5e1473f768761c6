"""Which tools could pass now: the evaluator's first five layers with the arguments still open."""

from collections.abc import Sequence

from placet.kernel.value import Value
from placet.policy import layers, requirements
from placet.policy.decision import Code, Reason
from placet.policy.facts import Facts
from placet.policy.loaded import LoadedTool, Policy
from placet.policy.model import Ruling
from placet.policy.window import Window


class HiddenTool(Value, frozen=True):
    """A tool that cannot pass now, and why."""

    tool: str
    code: Code
    detail: str


class Narrowing(Value, frozen=True):
    """The tools that could pass layers 1 to 5 now with some arguments, and the others."""

    offered: tuple[str, ...]
    hidden: tuple[HiddenTool, ...]


def narrow(policy: Policy, facts: Facts, wanted: Sequence[str] | None = None) -> Narrowing:
    """Return the tools that some arguments could pass with now, and why the others cannot.

    `wanted` are the tools that the agent has; without it, those of the contract. A tool that is
    offered may still be denied for its arguments.
    """
    offered: list[str] = []
    hidden: list[HiddenTool] = []
    for name in policy.tools if wanted is None else dict.fromkeys(wanted):
        reason = _first_reason(policy, facts, name)
        if reason is None:
            offered.append(name)
        else:
            hidden.append(HiddenTool(tool=name, code=reason.code, detail=reason.detail))
    return Narrowing(offered=tuple(offered), hidden=tuple(hidden))


def _first_reason(policy: Policy, facts: Facts, name: str) -> Reason | None:
    try:
        tool = policy.tools.get(name)
        reasons = _layers_to_2(policy, facts, name, tool) or _layers_from_3(policy, facts, tool)
    except Exception as fault:  # noqa: BLE001 -- whatever goes wrong here hides the tool
        detail = f"the evaluation ended with {type(fault).__name__}"
        return Reason(code=Code.EVALUATION_FAILED, rule="evaluator", detail=detail)
    return reasons[0] if reasons else None


def _layers_to_2(policy: Policy, facts: Facts, name: str, tool: LoadedTool | None) -> list[Reason]:
    if reasons := layers.control(policy, facts, name, Window()):
        return reasons
    return layers.principal(policy, facts, name, tool)


def _layers_from_3(policy: Policy, facts: Facts, tool: LoadedTool | None) -> list[Reason]:
    ruling = policy.unmatched_tools if tool is None else tool.ruling
    if ruling is Ruling.DENY:
        return [layers.denied(tool)]
    if tool is None:
        return []
    window = Window()
    return layers.phase(policy, tool, facts, {}) or requirements.requires_possible(
        tool, facts, window
    )
