"""The scene of the tests of break-glass."""

import pytest
from tests.studio.break_glass.scene import Scene
from tests.studio.story import Story


@pytest.fixture
async def scene(story: Story) -> Scene:
    return await Scene.build(story)
