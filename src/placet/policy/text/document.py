"""A contract as a plain document again: what was said, without what is the default anyway."""

import functools

import msgspec
from msgspec import NODEFAULT, UNSET

from placet.policy.model import Contract


def contract_document(contract: Contract) -> dict[str, object]:
    """Return the contract as plain JSON values, equal for contracts that are equal.

    A key whose value is the default is left out. Parsing the document gives the same contract.
    """
    return _struct(contract)


def plain(value: object) -> object:
    """Return any part of a contract as plain JSON values, as `contract_document` does."""
    match value:
        case msgspec.Struct():
            return _struct(value)
        case tuple() | list():
            return [plain(inner) for inner in value]
        case dict():
            return {str(key): plain(inner) for key, inner in value.items()}
        case str():
            return str(value)
    return value


def _struct(value: msgspec.Struct) -> dict[str, object]:
    document: dict[str, object] = {}
    for known in _fields(type(value)):
        inner = getattr(value, known.name)
        if inner is UNSET or _is_default(known, inner):
            continue
        document[known.encode_name] = plain(inner)
    return document


_fields = functools.cache(msgspec.structs.fields)


def _is_default(known: msgspec.structs.FieldInfo, inner: object) -> bool:
    if known.default is not NODEFAULT:
        return bool(inner == known.default)
    if known.default_factory is not NODEFAULT:
        return bool(inner == known.default_factory())
    return False
