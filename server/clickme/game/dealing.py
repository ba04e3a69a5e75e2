"""Which photograph comes next (promise 6).

Photographs with the fewest maps come first, nobody gets one twice, and nobody can foresee the order: each
deal starts at a place of its own, drawn from the system's randomness, among the lots of the photographs
that have the fewest maps. The walk along the index passes over what this player has had, so its cost is
bounded by the player's own history and not by the number of photographs.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from clickme.game.rules import Rules
from clickme.game.service import Dealt, lying_ready

# `levels` are the numbers of maps that photographs have, from the fewest up, each found by one step in the
# index once it is asked for. Two tabs may ask at once: one of them deals nothing here, and finds the other's
# round ready. Says for whom a photograph was found.
DEAL: Final = text(
    """
    WITH RECURSIVE levels (maps) AS (
        (SELECT maps FROM images WHERE excluded_at IS NULL ORDER BY maps LIMIT 1)
        UNION ALL
        SELECT next.maps FROM levels CROSS JOIN LATERAL (
            SELECT images.maps FROM images WHERE excluded_at IS NULL AND images.maps > levels.maps
            ORDER BY images.maps LIMIT 1
        ) AS next
    ), picked AS MATERIALIZED (
        SELECT asked.player_id, picked.id AS image_id
        FROM unnest(CAST(:players AS bigint[]), CAST(:starts AS bigint[])) AS asked (player_id, start)
        CROSS JOIN LATERAL (
            SELECT found.id FROM levels CROSS JOIN LATERAL (
                (SELECT id FROM images
                 WHERE excluded_at IS NULL AND images.maps = levels.maps AND lot >= asked.start
                     AND NOT EXISTS (
                         SELECT FROM rounds WHERE player_id = asked.player_id AND image_id = images.id
                     ) ORDER BY lot LIMIT 1)
                UNION ALL
                (SELECT id FROM images
                 WHERE excluded_at IS NULL AND images.maps = levels.maps AND lot < asked.start
                     AND NOT EXISTS (
                         SELECT FROM rounds WHERE player_id = asked.player_id AND image_id = images.id
                     ) ORDER BY lot LIMIT 1)
                LIMIT 1
            ) AS found LIMIT 1
        ) AS picked
        WHERE NOT EXISTS (
            SELECT FROM rounds
            WHERE player_id = asked.player_id AND begun_at IS NULL AND ended_at IS NULL
        )
    ), dealt AS (
        INSERT INTO rounds (player_id, image_id, rules)
        SELECT player_id, image_id, CAST(:rules AS jsonb) FROM picked
        ON CONFLICT DO NOTHING
    )
    SELECT player_id FROM picked
    """
)


def deal(session: Session, player_ids: Sequence[int], rules: Rules) -> dict[int, Dealt]:
    """For each player the round that lies ready for them, or a new one.

    Who has had every photograph is not among them.
    """
    dealt: dict[int, Dealt] = {}
    without = set(player_ids)
    while without:
        found = session.scalars(
            DEAL,
            {
                "players": list(without),
                "starts": [secrets.randbits(63) for _ in without],
                "rules": json.dumps(asdict(rules)),
            },
        ).all()
        ready = {each.player_id: each for each in lying_ready(session, without)}
        dealt |= ready
        # For these somebody else dealt, and the round has begun meanwhile.
        without = set(found) - ready.keys()
    return dealt
