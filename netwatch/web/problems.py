"""What is wrong with a request, in one shape: RFC 9457 `application/problem+json`, each field with its cure."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

from netwatch.findings import Finding


class ProblemError(Exception):
    """A request that cannot be met. `findings` name the fields: place, what, cure."""

    def __init__(self, status: int, detail: str, findings: Iterable[Finding] = (), **headers: str) -> None:
        self.status, self.detail, self.findings = status, detail, tuple(findings)
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        super().__init__(detail)

    def response(self) -> JSONResponse:
        return problem(self.status, self.detail, self.findings, self.headers)


def problem(
    status: int, detail: str, findings: Iterable[Finding] = (), headers: dict[str, str] | None = None
) -> JSONResponse:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors := [{"field": f.place, "what": f.what, "cure": f.cure} for f in findings]:
        body["errors"] = errors
    return JSONResponse(body, status, headers, media_type="application/problem+json")
