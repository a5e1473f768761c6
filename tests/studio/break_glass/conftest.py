"""The scene of the tests of break-glass."""

import pytest
from tests.conftest import Server
from tests.studio.break_glass.passing import Pass, passing
from tests.studio.break_glass.scene import Scene
from tests.studio.story import Story


@pytest.fixture
async def scene(story: Story) -> Scene:
    return await Scene.build(story)


@pytest.fixture
def let(server: Server, database_name: str) -> Pass:
    return passing(server, database_name)
