"""Ask a time-stamping authority over HTTP (RFC 3161, section 3.4), trusting nothing it says."""

from __future__ import annotations

import time
from http.client import HTTPException, HTTPResponse
from typing import cast
from urllib import error, request
from urllib.parse import urlsplit

from ..errors import NoTimestamp, UsageError

TIMEOUT = 20.0
"""Seconds to connect, for each read, and for the whole answer."""

LONGEST = 1 << 16
"""Bytes of an answer; a token with a chain of four certificates has about 8,000."""

_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"
_HINT = "try again later, or ask another authority"


def ask(url: str, query: bytes) -> bytes:
    """What the authority at `url` answers to `query`; no redirect is followed.

    Raises `UsageError` for what is no http or https URL, `NoTimestamp` for any other answer than
    one of at most 64 KiB that calls itself a time-stamp reply.
    """
    host = host_of(url)
    asked = request.Request(url, data=query, headers={"Content-Type": _QUERY, "Accept": _REPLY})
    try:
        with cast(HTTPResponse, _opener().open(asked, timeout=TIMEOUT)) as answer:
            kind = answer.headers.get_content_type()
            if kind != _REPLY:
                raise NoTimestamp(
                    f"{host} answers with something else than a time-stamp",
                    hint="check the URL: it is that of the service, not of its web page",
                )
            return _read(answer, host)
    except error.HTTPError as refused:
        refused.close()
        raise NoTimestamp(f"{host} refuses with HTTP status {refused.code}", hint=_HINT) from None
    except error.URLError as failed:
        raise NoTimestamp(f"cannot reach {host}: {_reason(failed.reason)}", hint=_HINT) from None
    except (OSError, HTTPException) as failed:
        raise NoTimestamp(f"{host} breaks off: {_reason(failed)}", hint=_HINT) from None


def host_of(url: str) -> str:
    """The host in `url`, for messages: the rest may hold a secret. Raises `UsageError`."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname if "@" not in parts.netloc else None, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or not url.isascii() or " " in url:
        raise UsageError(
            "the authority is no http or https URL without a password",
            hint="--authority https://tsa.example.org/",
        )
    return host


def _opener() -> request.OpenerDirector:
    # No handler for files, and none that turns a redirected question into another question.
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler,
        request.HTTPHandler,
        request.HTTPSHandler,
        request.HTTPDefaultErrorHandler,
        request.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    return opener


def _read(answer: HTTPResponse, host: str) -> bytes:
    data, end = b"", time.monotonic() + TIMEOUT
    while part := answer.read1(LONGEST):
        data += part
        if len(data) > LONGEST:
            raise NoTimestamp(f"{host} answers with more than {LONGEST:,} bytes", hint=_HINT)
        if time.monotonic() > end:
            raise NoTimestamp(f"{host} needs more than {TIMEOUT:.0f} seconds", hint=_HINT)
    if answer.length:
        raise NoTimestamp(f"{host} breaks off before its answer ends", hint=_HINT)
    return data


def _reason(cause: object) -> str:
    if isinstance(cause, TimeoutError):
        return f"no answer within {TIMEOUT:.0f} seconds"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return type(cause).__name__
