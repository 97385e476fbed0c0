"""Slows down whoever guesses addresses of cards, links and passes: each contains a secret."""

import math
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from daemon.base.clock import Clock
from web.pages import address_of
from web.rate import AddressLimit

GUESSES_MAX = 100
GUESSES_PER_S = 600
"""Wrong addresses from one place in so many seconds. The next wrong one from there is answered 429
until they are over, whatever it is; right ones are not slowed by somebody's wrong ones."""
SECRETS = {"token", "code", "serial"}
MISSES = {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}
LIMIT = web.AppKey("guesses", AddressLimit)


def slow_guesses(app: web.Application, clock: Clock) -> None:
    """Count misses on every address of ``app`` that holds a secret."""
    app[LIMIT] = AddressLimit(clock, GUESSES_MAX, GUESSES_PER_S)
    app.middlewares.append(_slow_guesses)


@web.middleware
async def _slow_guesses(request: web.Request, handler: Handler) -> web.StreamResponse:
    if SECRETS.isdisjoint(request.match_info):
        return await handler(request)
    limit, address = request.app[LIMIT], address_of(request)
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status not in MISSES:
            raise
        wait_s = limit.wait_s(address)
        limit.count(address)
        if wait_s > 0:
            headers = {"Retry-After": str(math.ceil(wait_s))}
            raise web.HTTPTooManyRequests(headers=headers) from error
        raise
