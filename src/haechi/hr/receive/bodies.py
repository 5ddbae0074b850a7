"""A request's body, bounded in size and in time while it comes in."""

from __future__ import annotations

import asyncio

from fastapi import Request
from starlette.requests import ClientDisconnect

from haechi.hr.signals import RefusedError


async def read(request: Request, most: int, seconds: int) -> bytes:
    """Return the body. Raises ``RefusedError``: 413 for more than ``most`` bytes, 408 for more than ``seconds``.

    What a sender says of the length is believed only where it is too large.
    """
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said[:20]) > most:
        raise _too_large(most)
    try:
        async with asyncio.timeout(seconds):
            return await _read(request, most)
    except TimeoutError as error:
        raise RefusedError(408, "too slow", f"the body took more than {seconds} seconds") from error
    except ClientDisconnect as error:
        raise RefusedError(400, "cut off", "the connection ended within the body") from error


async def _read(request: Request, most: int) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise _too_large(most)
    return bytes(body)


def _too_large(most: int) -> RefusedError:
    return RefusedError(413, "too large", f"the body has more than {most} bytes")
