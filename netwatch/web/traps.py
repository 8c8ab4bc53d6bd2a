"""What was heard on the trap port and understood by nobody: for whoever extends the profiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from netwatch.core.time import show


def traps(told: Callable[[], Mapping[str, Any]], zone: ZoneInfo) -> APIRouter:
    """`GET /api/v1/traps`. `told` gives counts, and rows under `unknown` with instants at `first` and `last`."""
    router = APIRouter(prefix="/api/v1", tags=["traps"])

    @router.get("/traps", summary="Notifications: counts, strangers, and those that no profile knows")
    async def heard() -> Response:
        now = dict(told())
        now["unknown"] = [
            {**row, "first": show(row["first"], zone), "last": show(row["last"], zone)} for row in now["unknown"]
        ]
        return JSONResponse(now)

    return router
