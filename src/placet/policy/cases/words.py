"""Results in words."""

from collections.abc import Mapping, Sequence

from placet.policy.cases.judge import Result


def mismatch_lines(result: Result) -> list[str]:
    """Return what came out otherwise, line by line, and then what the evaluator said."""
    lines = [f"{one.what}: expected {one.expected}, got {one.got}" for one in result.mismatches]
    return [*lines, *(f"| {line}" for line in result.said)]


def failure_lines(file: str, result: Result) -> list[str]:
    """Return a failed case in words, its place first."""
    place = file if result.line is None else f"{file}:{result.line}"
    return [f"{place}: FAILED {result.name}", *(f"  {line}" for line in mismatch_lines(result))]


def summary_line(files: Mapping[str, Sequence[Result]]) -> str:
    """Return how many cases there were, and how many failed."""
    results = [one for of_file in files.values() for one in of_file]
    failed = sum(not one.is_passed for one in results)
    where = "1 file" if len(files) == 1 else f"{len(files)} files"
    return f"{len(results)} cases in {where}: {len(results) - failed} passed, {failed} failed"
