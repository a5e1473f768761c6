"""Writing a file beside its place, whoever else may write in that folder."""

from pathlib import Path

import pytest

from placet.cli.desk import write_file
from placet.cli.exits import CommandRefused


def test_a_file_is_replaced_and_nothing_else_is_touched_or_left(tmp_path: Path) -> None:
    file, other = tmp_path / "out", tmp_path / "other"
    other.write_bytes(b"mine")
    (tmp_path / "out.part").symlink_to(other)
    file.write_bytes(b"old")
    write_file(file, b"new")
    assert (file.read_bytes(), other.read_bytes()) == (b"new", b"mine")
    assert {one.name for one in tmp_path.iterdir()} == {"out", "other", "out.part"}


def test_a_file_that_cannot_be_put_in_its_place_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(CommandRefused):
        write_file(tmp_path / "out", b"new")
    assert [one.name for one in tmp_path.iterdir()] == ["out"]
