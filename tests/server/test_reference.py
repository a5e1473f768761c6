"""The reference page works without any other host."""

import re

import httpx
import pytest

from placet.server import reference

PAGE_FILES = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png", "start.js")


async def test_the_page_names_no_other_host(client: httpx.AsyncClient) -> None:
    page = await client.get("/schema")
    start = await client.get("/schema/start.js")
    assert page.headers["Content-Type"].startswith("text/html")
    for text in (page.text, start.text):
        assert not re.findall(r"(?:https?:)?//\S+", text)


async def test_the_page_may_load_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/schema")).headers["Content-Security-Policy"]
    assert policy == reference.POLICY
    assert policy.startswith("default-src 'self';")
    for source in ("http:", "https:", "*", "unsafe"):
        assert source not in policy


async def test_every_file_that_the_page_names_is_there(client: httpx.AsyncClient) -> None:
    page = (await client.get("/schema")).text
    named = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert {path.removeprefix("/schema/") for path in named} == set(PAGE_FILES)
    for path in named:
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize("name", ["LICENSE", "swagger-ui.js", "..%2F__init__.py", "index.css"])
async def test_no_other_file_is_given(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/schema/{name}")).status_code == 404


async def test_the_page_runs_nothing_inline(client: httpx.AsyncClient) -> None:
    page = (await client.get("/schema")).text
    assert not re.search(r"<script(?![^>]* src=)", page)
    assert "<style" not in page
    assert not re.search(r"\son\w+=", page)
