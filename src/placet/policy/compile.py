"""A contract becomes three projections and one hash, the same to the byte on every machine."""

from typing import cast

import msgspec
from msgspec import UNSET

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.kernel.hashing import Digest, digest
from placet.kernel.value import Value
from placet.policy.model import Contract, ToolContract
from placet.policy.projection import (
    COMPILER_VERSION,
    LIBRARIES,
    RuntimeProjection,
    RuntimeTool,
)
from placet.policy.review import review_document
from placet.policy.rulings import (
    checkpoint_of,
    is_start_required,
    phases_of,
    ruling_of,
    target_of,
)
from placet.policy.sentences.tools import schema_hash_of
from placet.policy.text.document import contract_document


class CompilerVersionUnknownError(ValueError):
    """A compiler version that this package is not."""


class Compiled(Value, frozen=True):
    """The three projections as canonical bytes, and the hash over them and the version."""

    compiler_version: str
    review: bytes
    runtime: bytes
    compat: bytes
    compiled_hash: Digest


def compile_contract(contract: Contract, compiler_version: str = COMPILER_VERSION) -> Compiled:
    """Return the projections of a contract that has no errors.

    The order of tools in the document makes no difference. Raises `CompilerVersionUnknownError`
    with the version that would be needed.
    """
    if compiler_version != COMPILER_VERSION:
        message = f"compiler version `{compiler_version}` is needed; this is `{COMPILER_VERSION}`"
        raise CompilerVersionUnknownError(message)
    ordered = _ordered(contract)
    review = _bytes(review_document(ordered))
    runtime = _bytes(msgspec.to_builtins(_runtime(ordered)))
    compat = _bytes(contract_document(ordered))
    return Compiled(
        compiler_version=compiler_version,
        review=review,
        runtime=runtime,
        compat=compat,
        compiled_hash=compiled_hash(compiler_version, review, runtime, compat),
    )


def compiled_hash(compiler_version: str, review: bytes, runtime: bytes, compat: bytes) -> Digest:
    """Return the hash that a compiled contract is known by, from its three projections."""
    whole = {
        "compat": compat.decode(),
        "compiler_version": compiler_version,
        "review": review.decode(),
        "runtime": runtime.decode(),
    }
    return digest("compiled", _bytes(whole))


def contract_hash(contract: Contract) -> Digest:
    """Return the hash of a contract, the same in whichever order its tools stand."""
    return digest("contract", _bytes(contract_document(_ordered(contract))))


def _ordered(contract: Contract) -> Contract:
    tools = tuple(sorted(contract.tools, key=lambda tool: tool.tool))
    return msgspec.structs.replace(contract, tools=tools)


def _bytes(document: object) -> bytes:
    return foreign.encode(cast("Json", document))


def _runtime(contract: Contract) -> RuntimeProjection:
    session = contract.session
    return RuntimeProjection(
        compiler_version=COMPILER_VERSION,
        libraries=LIBRARIES,
        agent=contract.agent,
        gate=session.gate,
        unmatched_tools=session.unmatched_tools,
        phases=tuple(phase.name for phase in session.phases),
        initial_phase=next((phase.name for phase in session.phases if phase.initial), None),
        terminal_phases=tuple(phase.name for phase in session.phases if phase.terminal),
        transitions={name: tuple(sorted(to)) for name, to in session.transitions.items()},
        tools={tool.tool: _runtime_tool(contract, tool) for tool in contract.tools},
        limits=session.limits,
        principals=session.principals,
        bindings={binding.slot: binding.write for binding in session.bindings},
        aggregates=session.aggregates,
        envelopes=session.envelopes,
        labels=session.labels,
    )


def _runtime_tool(contract: Contract, tool: ToolContract) -> RuntimeTool:
    ruling, ruling_rule = ruling_of(contract, tool)
    schema = None if tool.input_schema is UNSET else tool.input_schema
    return RuntimeTool(
        ruling=ruling,
        ruling_rule=ruling_rule,
        side_effect=tool.side_effect,
        evidence_class=tool.evidence_class,
        commit_requirement=tool.commit_requirement,
        start_required=is_start_required(tool),
        total_ms=tool.timeouts.total_ms,
        server=None if tool.server is UNSET else tool.server,
        checkpoint=checkpoint_of(tool, ruling),
        valid_in=phases_of(contract, tool),
        advances_to=target_of(tool),
        requires=tool.requires,
        forbidden_after=tool.forbidden_after,
        input_schema=schema,
        schema_hash=None if schema is None else schema_hash_of(schema),
        arguments=tool.arguments,
        when=None if tool.when is UNSET else tool.when,
        binds=tool.binds,
        effect_key=tool.effect_key,
        retries=tool.retries,
        cancel=tool.cancel,
        reconcile=None if tool.reconcile is UNSET else tool.reconcile,
        redact=tool.redact,
        volatile=tool.volatile,
    )
