"""Names for guests: readable, sayable, and nobody's own."""

import secrets

MANNERS = """
    amber brave bright brisk calm careful cheerful clever cosy crisp curious daring dapper eager
    early easy fair fancy fleet fond gentle glad golden graceful happy hardy honest humble jolly
    keen kind light little lively lucky mellow merry mighty mild neat nimble noble patient plucky
    polite proud quick quiet rapid ready rosy silver sleepy smiling snug spry steady sunny swift
    tidy tiny tranquil upbeat velvet vivid warm watchful whole wise witty young zesty
""".split()
COMPANIONS = """
    acorn anchor apple aspen badger basket beacon beetle birch biscuit bramble breeze brook
    bumblebee button candle canyon cedar cherry clover cloud comet compass copper coral cricket
    daisy dolphin dune ember falcon feather fern finch firefly garnet ginger glacier harbour hazel
    heron honey island ivy juniper kettle lantern lark lemon linnet lotus maple marble meadow mitten
    moss nutmeg oak olive orchard otter pebble pepper petal pine plum poppy quill raven ribbon river
    robin saffron sparrow spruce summit swallow teapot thimble thistle tulip turnip walnut willow
""".split()


def new_name() -> str:
    """For example "quiet-lantern-4821"."""
    return f"{secrets.choice(MANNERS)}-{secrets.choice(COMPANIONS)}-{secrets.randbelow(9000) + 1000}"
