"""Errors as RFC 9457 problems: what, where, what to do. The type is a path of this server that names the kind."""

from __future__ import annotations

from flask import Flask, Response

from muster_server.encoding import encode


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
        body = {"type": f"/problems/{self.kind}", "title": title, "status": self.status, "detail": self.detail}
        response = Response(encode(body), self.status, content_type="application/problem+json")
        if self.retry_after_seconds is not None:
            response.headers["Retry-After"] = str(max(1, round(self.retry_after_seconds)))
        return response


def init_app(app: Flask) -> None:
    """Answer a ProblemError raised in any view."""
    app.register_error_handler(ProblemError, ProblemError.response)
