"""A case table, and where each part of it stands."""

import dataclasses

from placet.policy.cases.model import CaseFile
from placet.policy.finding import Finding
from placet.policy.text.tree import Node, Steps, error


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """A case table and the nodes it was made of, which know where each case stands."""

    file: CaseFile
    document: Node

    @property
    def contract_path(self) -> str | None:
        """The path of the contract, where the table names one instead of holding it."""
        return self.file.contract if isinstance(self.file.contract, str) else None

    def node(self, *steps: str | int) -> Node:
        """Return the node that stands at `steps`, or the last one above it that there is."""
        here = self.document
        for step in steps:
            match here.value, step:
                case list() as inner, int():
                    here = inner[step]
                case dict() as inner, str() if step in inner:
                    here = inner[step]
        return here

    def fault(self, steps: Steps, message: str, code: str = "bad_case") -> Finding:
        """Return an error that stands at `steps`."""
        return error(code, steps, self.node(*steps).place, message)
