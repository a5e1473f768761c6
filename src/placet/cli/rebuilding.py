"""Whether a contract that was approved compiles, here, to the artifact that was signed."""

from placet.evidence.verify_dossier import OpenedDossier
from placet.policy.compile import compile_contract
from placet.policy.model import Contract
from placet.policy.projection import COMPILER_VERSION
from placet.studio.snapshots.rules import read_memory


def rebuilt_otherwise(opened: OpenedDossier) -> str | None:
    """Return why a snapshot's contract does not compile to its artifact here, or none."""
    artifact = opened.artifact
    if artifact.compiler_version != COMPILER_VERSION:
        return (
            f"it was compiled by version {artifact.compiler_version} of the compiler, this is "
            f"version {COMPILER_VERSION}"
        )
    contract = contract_in(opened)
    if contract is None:
        return "its contract cannot be read"
    again = compile_contract(contract)
    pairs = {
        "runtime projection": (again.runtime, artifact.runtime),
        "review projection": (again.review, artifact.review),
        "compat projection": (again.compat, artifact.compat),
    }
    for name, (here, there) in pairs.items():
        if here != there.encode():
            return f"its contract compiles to another {name}"
    if again.compiled_hash.hex() != artifact.compiled_hash:
        return "its contract compiles to another hash"
    return None


def contract_in(opened: OpenedDossier | None) -> Contract | None:
    """Return the contract that a dossier holds, or none where it holds none that can be read."""
    if opened is None or opened.contract is None:
        return None
    found = read_memory(opened.contract)
    return None if isinstance(found, list) else found
