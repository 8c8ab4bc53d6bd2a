"""Fixtures around `web_night`."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the modules called web_… lie beside the tests and are shared by them

import web_scene as scene
from web_night import ACT, Night


@pytest.fixture
def night() -> Night:
    return Night(scene.view())


@pytest.fixture
async def reader(night: Night) -> AsyncIterator[httpx.AsyncClient]:
    async with night.client() as client:
        yield client


@pytest.fixture
async def actor(night: Night) -> AsyncIterator[httpx.AsyncClient]:
    async with night.client(token=ACT) as client:
        yield client
