"""Who may import whom: the contracts of pyproject.toml, and what those cannot say."""

import ast
import subprocess
import sys

import grimp
from tests.house.checkout import PACKAGE, ROOT, told, tree

# A store that reads the tables of another slice, and why.
FOREIGN_TABLES: dict[tuple[str, str], str] = {
    ("placet.audit.bundles.store", "placet.events.tables"): "how far it had come",
    ("placet.audit.bundles.store", "placet.replay.calls.tables"): "which sessions used a tool",
    (
        "placet.audit.bundles.store",
        "placet.replay.sessions.tables",
    ): "whom a time touches",
    ("placet.audit.search.store", "placet.events.tables"): "indexes what events say",
    ("placet.audit.search.store", "placet.evidence.log.tables"): "follows the log",
    ("placet.audit.search.store", "placet.replay.calls.tables"): "whose call it is",
    ("placet.audit.search.store", "placet.replay.sessions.tables"): "whose session it is",
    ("placet.audit.search.store", "placet.studio.workspaces.tables"): "whose workspace it is",
    ("placet.replay.restores.store", "placet.events.tables"): "every chain, computed anew",
    ("placet.replay.restores.store", "placet.evidence.log.tables"): "entries beside their events",
    ("placet.replay.restores.store", "placet.replay.calls.tables"): "calls that were granted",
    (
        "placet.replay.restores.store",
        "placet.replay.sessions.tables",
    ): "sessions of an earlier epoch",
    ("placet.events.checkpoints.store", "placet.events.tables"): "the leaf at a checkpoint's place",
    ("placet.replay.asks.store", "placet.events.tables"): "the salt of what proposed a call",
    ("placet.replay.asks.store", "placet.replay.calls.tables"): "an ask is a call that waits",
    ("placet.replay.asks.store", "placet.replay.sessions.tables"): "whose keys may see it",
    ("placet.replay.controls.store", "placet.replay.calls.tables"): "what a wide kill left out",
    ("placet.replay.controls.store", "placet.replay.sessions.tables"): "whom a wide kill reached",
    ("placet.studio.impact.store", "placet.replay.sessions.tables"): "holds what it shows",
    ("placet.replay.observed.store", "placet.events.tables"): "phase conflicts stand in bodies",
    ("placet.replay.observed.store", "placet.replay.calls.tables"): "counts what was decided",
    ("placet.replay.observed.store", "placet.replay.sessions.tables"): "counts what was decided",
    ("placet.replay.pending.store", "placet.replay.calls.tables"): "reads what was reported",
    ("placet.replay.recordings.store", "placet.replay.calls.tables"): "reads what was done",
    ("placet.replay.recordings.store", "placet.replay.sessions.tables"): "reads what was done",
    ("placet.replay.snapshots.store", "placet.events.tables"): "the leaf at a snapshot's place",
    ("placet.studio.drift.store", "placet.studio.drafts.tables"): "items end with their draft",
    ("placet.studio.endings.store", "placet.authority.tables"): "what compiled to the same hash",
    ("placet.studio.endings.store", "placet.studio.approvals.tables"): "how those approvals ended",
    ("placet.webhooks.deliveries.store", "placet.webhooks.endpoints.tables"): "drops what lost its",
    ("placet.studio.shadow.store", "placet.replay.sessions.tables"): "cursors beside streams' ends",
    ("placet.studio.shadow.store", "placet.events.tables"): "the age of the first event not seen",
}

MODELS = {"model", "lease_model", "refusals"}
# What the client may see of the rest: words, policy, signatures, how things are told, and how a
# dossier is put together, which both sides do alike.
CLIENT_SEES = (
    "placet.sdk",
    "placet.kernel",
    "placet.policy",
    "placet.evidence",
    "placet.studio.dossiers.rules",
)


def slice_of(module: str) -> str:
    return module.rpartition(".")[0]


def part_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def last(module: str) -> str:
    return module.rpartition(".")[2]


def edges(graph: grimp.ImportGraph) -> list[tuple[str, str]]:
    return [
        (importer, imported)
        for importer in sorted(graph.modules)
        if importer.startswith("placet")
        for imported in sorted(graph.find_modules_directly_imported_by(importer))
        if imported.startswith("placet.")
    ]


def test_every_contract_of_the_project_file_holds() -> None:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(  # noqa: S603 -- our own interpreter and program
        [sys.executable, "-c", program, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_a_store_sees_no_tables_but_its_own(graph: grimp.ImportGraph) -> None:
    foreign = {
        (importer, imported)
        for importer, imported in edges(graph)
        if last(importer) == "store"
        and last(imported) == "tables"
        and slice_of(importer) != slice_of(imported)
    }
    assert foreign == set(FOREIGN_TABLES)


def test_rules_see_other_parts_only_through_their_models(graph: grimp.ImportGraph) -> None:
    allowed = ("placet.kernel", "placet.policy", "placet.evidence")
    strangers = [
        f"{importer} -> {imported}"
        for importer, imported in edges(graph)
        if last(importer) == "rules"
        and part_of(importer) != part_of(imported)
        and last(imported) != "model"
        and not imported.startswith(allowed)
    ]
    assert strangers == []


def test_the_client_sees_words_policy_signatures_and_models(graph: grimp.ImportGraph) -> None:
    strangers = [
        f"{importer} -> {imported}"
        for importer, imported in edges(graph)
        if importer.startswith("placet.sdk")
        and not imported.startswith(CLIENT_SEES)
        and last(imported) not in MODELS
    ]
    assert strangers == []


def test_the_first_page_of_a_folder_holds_prose_and_imports_nothing() -> None:
    busy = []
    for path in sorted(PACKAGE.rglob("__init__.py")):
        statements = tree(path).body
        prose = ast.get_docstring(tree(path))
        allowed = 2 if path.parent == PACKAGE else 1  # the version stands in the first of them
        if not prose or len(statements) > allowed:
            busy.append(told(path))
    assert busy == []


def test_no_route_or_model_hides_an_import_from_run_time() -> None:
    hidden = [
        told(path)
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name in {"model.py", "routes.py"} and "TYPE_CHECKING" in path.read_text()
    ]
    assert hidden == []
