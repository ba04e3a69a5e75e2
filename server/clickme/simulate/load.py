"""A load: a crowd plays, and what it was told is held against what is there."""

import asyncio

import httpx2
import uvloop

from clickme.kit.database import Database
from clickme.kit.problems import Problem
from clickme.simulate.crowd import Crowd, Plan
from clickme.simulate.kept import by_http, by_sql
from clickme.simulate.report import Report
from clickme_partner.published import Report as Say


def load(plan: Plan, say: Say, database: Database | None = None) -> Report:
    """Let a crowd play, and count what is stored: in `database`, or as the server says.

    Raises Problem `no_answer`, `too_many_sign_ups`, `too_many_sockets`.
    """
    return uvloop.run(_load(plan, say, database))


async def _load(plan: Plan, say: Say, database: Database | None) -> Report:
    crowd = Crowd(plan)
    await crowd.visit(say)
    say("Counting what is stored")
    played = crowd.tally.played
    try:
        if database is None:
            kept = await by_http(plan.url, played)
        else:
            kept = await asyncio.to_thread(by_sql, database, played)
    except httpx2.HTTPError as error:
        raise Problem("no_answer", f"The server at {plan.url} does not say what it stored: {error}") from None
    return Report.of(crowd, kept)
