"""Races of the runtime, each in a forced order with real commits.

Each is run a second time against a function whose guard is taken away; the race must then break a
claim, or it proves nothing.
"""

import pytest
from tests.invariants import (
    scenes_again,
    scenes_asking,
    scenes_closing,
    scenes_controlling,
    scenes_editing,
    scenes_effects,
    scenes_revoking,
    scenes_slicing,
    scenes_standing,
    scenes_stopping,
    scenes_sweeping,
    scenes_tallying,
    scenes_writing,
)
from tests.invariants.claims import Scene
from tests.invariants.guards import MUTANTS, SECOND_GUARDS
from tests.invariants.mutants import Mutant, installed
from tests.invariants.stage import Stage

SCENES = [
    scene
    for module in (
        scenes_writing,
        scenes_again,
        scenes_asking,
        scenes_closing,
        scenes_controlling,
        scenes_standing,
        scenes_stopping,
        scenes_revoking,
        scenes_sweeping,
        scenes_editing,
        scenes_effects,
        scenes_slicing,
        scenes_tallying,
    )
    for name, scene in vars(module).items()
    if getattr(scene, "__module__", "") == module.__name__
    and getattr(scene, "__doc__", None)
    and not name.startswith("_")
]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
async def test_every_claim_of_the_race_holds(stage: Stage, scene: Scene) -> None:
    assert await scene(stage) == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
async def test_without_its_guard_the_race_goes_wrong(stage: Stage, mutant: Mutant) -> None:
    async with installed(stage.owner, mutant):
        assert await mutant.caught_by(stage) != []


@pytest.mark.parametrize("mutant", SECOND_GUARDS, ids=lambda mutant: mutant.name)
async def test_where_a_guard_has_a_second_one_behind_it_nothing_passes(
    stage: Stage, mutant: Mutant
) -> None:
    async with installed(stage.owner, mutant):
        assert await mutant.caught_by(stage) == []


def test_every_race_has_a_mutant_that_it_catches() -> None:
    assert {mutant.caught_by for mutant in MUTANTS} == set(SCENES)
