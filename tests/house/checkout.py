"""The files of this checkout, as a reader of the repository would see them."""

import ast
import gc
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "placet"
TOP_LEVEL = frozenset(
    {
        ".ci",
        ".gitignore",
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "SECURITY.md",
        "constraints.txt",
        "docs",
        "migrations",
        "pyproject.toml",
        "src",
        "tests",
    }
)


@cache
def ignored() -> tuple[str, ...]:
    """Return the names that git is told not to see."""
    lines = (ROOT / ".gitignore").read_text().splitlines()
    return tuple(line.rstrip("/") for line in lines if line and not line.startswith("#"))


def is_ignored(path: Path) -> bool:
    """Tell whether a path, or a folder above it, is none of the repository."""
    parts = path.relative_to(ROOT).parts
    return any(fnmatch(part, name) for part in parts for name in (*ignored(), ".git"))


@cache
def files() -> tuple[Path, ...]:
    """Return every file of the repository that lies in a place of its own."""
    found = (
        inner
        for name in sorted(TOP_LEVEL)
        for inner in sorted([ROOT / name, *(ROOT / name).rglob("*")])
    )
    return tuple(path for path in found if path.is_file() and not is_ignored(path))


def told(path: Path) -> str:
    """Return a path as one writes it from the root of the checkout."""
    return path.relative_to(ROOT).as_posix()


def python(*folders: str) -> Iterator[Path]:
    """Return the Python files below some folders of the checkout."""
    return (
        path
        for path in files()
        if path.suffix == ".py" and told(path).startswith(tuple(f"{name}/" for name in folders))
    )


@cache
def tree(path: Path) -> ast.Module:
    """Return the parsed form of a Python file.

    The collector is kept from looking at it: the trees of all files are millions of objects, and
    none of them is ever in a cycle. What other tests left behind it has looked at before.
    """
    if not tree.cache_info().currsize:
        gc.collect()
    gc.disable()
    try:
        return ast.parse(path.read_text(), filename=told(path))
    finally:
        gc.freeze()
        gc.enable()
