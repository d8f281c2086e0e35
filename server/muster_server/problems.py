"""Errors as RFC 9457 problems: what, where, what to do. The type is a path of this server that names the kind."""

from __future__ import annotations

import msgspec
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from muster_server.encoding import encode

_DETAILS = {
    404: "There is nothing at this address: `/openapi.json` describes those there are.",
    500: "The server made a mistake; its log says more.",
}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error: `type` is a path of this server that names its kind, `detail` says what, where and what to do."""

    type: str
    title: str
    status: int
    detail: str


class ProblemError(Exception):
    """A request that ends here; raised in a view of the API, answered as application/problem+json."""

    def __init__(self, status: int, kind: str, *, detail: str, retry_after_seconds: float | None = None) -> None:
        """`kind` is the last part of the problem's type; `detail` a sentence for a person."""
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds

    def response(self) -> Response:
        """The answer."""
        title = self.kind.replace("-", " ").capitalize()
        body = Problem(type=f"/problems/{self.kind}", title=title, status=self.status, detail=self.detail)
        response = Response(encode(body), self.status, content_type="application/problem+json")
        response.headers["Cache-Control"] = "no-store"
        if self.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        if self.retry_after_seconds is not None:
            response.headers["Retry-After"] = str(max(1, round(self.retry_after_seconds)))
        return response


def init_app(app: Flask) -> None:
    """Answer a ProblemError raised in any view, and make a problem of every other error under `/api/`."""
    app.register_error_handler(ProblemError, ProblemError.response)
    app.register_error_handler(HTTPException, of_api)


def of_api(error: HTTPException) -> Response | HTTPException:
    """The problem that an error under `/api/` is; any other error as it came."""
    if not request.path.startswith("/api/"):
        return error
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        response = ProblemError(405, "method-not-allowed", detail=f"This address takes {allowed}.").response()
        response.headers["Allow"] = allowed
        return response
    status, kind = error.code or 500, error.name.lower().replace(" ", "-")
    return ProblemError(status, kind, detail=_DETAILS.get(status, error.description or error.name)).response()
