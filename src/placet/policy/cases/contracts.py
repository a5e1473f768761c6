"""The contract of a table, as each case changes it."""

from collections.abc import Mapping
from typing import cast

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy.cases.model import Override
from placet.policy.compile import compile_contract
from placet.policy.load import load_policy
from placet.policy.loaded import Policy
from placet.policy.model import Contract
from placet.policy.text.parse import read_contract


class ContractUnusableError(ValueError):
    """A contract that cannot be asked; `faults` are the places and what is wrong there."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        """Keep the faults."""
        super().__init__("; ".join(faults))
        self.faults = faults


class Policies:
    """Policies made of one contract document, each variant of it only once."""

    def __init__(self, document: Mapping[str, object]) -> None:
        """Take the document of a contract that has been read."""
        self._document = document
        self._made: dict[bytes, Policy] = {}

    def of(self, override: Override) -> Policy:
        """Return the policy of the contract with this change. Raises `ContractUnusableError`."""
        document = _changed(self._document, override)
        key = foreign.encode(cast("Json", document))
        if key not in self._made:
            self._made[key] = policy_of(document)
        return self._made[key]


def policy_of(document: object) -> Policy:
    """Return the policy of a contract document. Raises `ContractUnusableError`."""
    contract = read_contract(document)
    if not isinstance(contract, Contract):
        raise ContractUnusableError(tuple(f"`{one.path}`: {one.message}" for one in contract))
    return policy_of_contract(contract)


def policy_of_contract(contract: Contract) -> Policy:
    """Return the policy of a contract. Raises `ContractUnusableError`."""
    try:
        return load_policy(compile_contract(contract).runtime)
    except ValueError as fault:
        message = f"{fault}; `placet policy check` says where"
        raise ContractUnusableError((message,)) from fault


def _changed(document: Mapping[str, object], override: Override) -> dict[str, object]:
    """Return a contract document with a case's merge patches, for tools by their names."""
    changed = dict(document)
    if override.session:
        changed["session"] = _patched(document.get("session", {}), override.session)
    tools = {str(tool["tool"]): tool for tool in _tools(document)}
    for name, patch in override.tools.items():
        if patch is None:
            tools.pop(name, None)
        else:
            tools[name] = {"tool": name, **_mapping(_patched(tools.get(name, {}), patch))}
    changed["tools"] = list(tools.values())
    return changed


def _tools(document: Mapping[str, object]) -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", document["tools"])


def _mapping(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _patched(target: object, patch: object) -> object:
    """Return the target with a merge patch (RFC 7396): null takes a key away."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(_mapping(target))
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _patched(merged.get(key), value)
    return merged
