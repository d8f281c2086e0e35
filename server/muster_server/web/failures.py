"""Errors as pages that say what to do; under `/api/` as problems."""

from __future__ import annotations

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from muster_server.problems import of_api

# Status -> (title, what to do). A view says more by `abort(status, sentence)`.
_SAID = {
    400: ("This request cannot be understood", "Go back, load the page again, and try once more."),
    403: ("You may not do this", "Your role does not allow it. Ask an administrator for another role."),
    404: ("There is no such page", "Check the address, or look the device up in the list of devices."),
    405: ("This address takes no such request", "Go back and use the page's own buttons and links."),
    429: ("Too many attempts", "Wait a minute, then try again."),
    500: ("Something went wrong in Muster", "Try again. If it stays, ask an administrator to read the server's log."),
}
_OWN_DETAIL = (400, 429)
_FORM_EXPIRED = "This form was opened in another session, or its browser keeps no cookies."


def init_app(app: Flask) -> None:
    """Answer every HTTP error of the application."""
    app.register_error_handler(HTTPException, _answer)


def _answer(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if status < 400 or request.path.startswith("/api/"):
        return of_api(error)
    title, advice = _SAID.get(status, (error.name, "Go back and try again."))
    detail = _FORM_EXPIRED if isinstance(error, CSRFError) else error.description
    detail = detail if status in _OWN_DETAIL else None
    page = render_template("failure.html", status=status, title=title, advice=advice, detail=detail)
    return page, status, {"Retry-After": "60"} if status == 429 else {}
