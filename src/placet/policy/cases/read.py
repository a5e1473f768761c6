"""Text to a case table, or to everything that is wrong with its form."""

from placet.policy.cases.form import form_faults
from placet.policy.cases.model import CaseFile
from placet.policy.cases.table import Table
from placet.policy.finding import Finding
from placet.policy.model import Contract
from placet.policy.text.bind import bind
from placet.policy.text.parse import Form, in_order, read_text
from placet.policy.text.tree import TextError


def read_table(text: bytes, form: Form) -> Table | list[Finding]:
    """Return the case table of a text, or the findings that keep it from being one."""
    try:
        node, findings = read_text(text, form)
    except TextError as fault:
        return [fault.finding]
    file = bind(node, CaseFile)
    if isinstance(file, list):
        return in_order(findings, file)
    table = Table(file, node)
    contract = bind(table.node("contract"), Contract) if isinstance(file.contract, dict) else None
    of_form = [*(contract if isinstance(contract, list) else []), *form_faults(table)]
    return in_order(findings, of_form) or table
