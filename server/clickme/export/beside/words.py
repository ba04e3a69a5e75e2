"""What is said of a data set in more than one of the files beside it."""

import re
from collections.abc import Iterable, Mapping

from clickme.export.facts import Facts, Shard
from clickme.export.record import SPLITS
from clickme.maps import Recipe

CITATION = """\
@inproceedings{linsley2019learning,
  title = {Learning what and where to attend},
  author = {Linsley, Drew and Shiebler, Dan and Eberhardt, Sven and Serre, Thomas},
  booktitle = {International Conference on Learning Representations (ICLR)},
  year = {2019},
}
"""

SEEN = 224  # px, the middle of the photograph, all that the partner sees
CLASSES = 1000  # of ILSVRC12


def count(number: int, what: str) -> str:
    """1 round; 2,000 rounds."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %"


def description(facts: Facts) -> str:
    """What it is, in two sentences."""
    what = "their maps" if facts.has_maps else "their strokes"
    return (
        f"{count(facts.photographs, 'photograph')} with {what}: what {count(facts.players, 'player')} "
        f"painted, in {count(facts.rounds, 'round')} of the game ClickMe, to make them recognisable to a "
        f"neural network that saw nothing else. {count(facts.bubbles, 'bubble')} in all; the game and the "
        "maps are those of Linsley, Shiebler, Eberhardt and Serre, Learning what and where to attend (ICLR "
        "2019)."
    )


def how_collected(facts: Facts) -> str:
    """The game, as it was for most rounds."""
    rules = facts.rules[0][0] if facts.rules else {}
    return (
        "A player reads the name of a category and sees a photograph of it. They paint the parts that give "
        f"it away: each bubble is a square of {side(rules, 'bubble')} on the cursor. A neural network, the "
        f"partner, is shown squares of {side(rules, 'reveal')} around the bubbles and nothing else. The "
        f"round ends when the label is among its first {rules.get('top_k', '?')} guesses, or after "
        f"{seconds(rules)}. The player never hears what the partner believes. Points are the share of the "
        "time that was left."
    )


def side(rules: Mapping[str, object], name: str) -> str:
    return f"{rules[name]}×{rules[name]} px" if name in rules else "a size that was not recorded"


def seconds(rules: Mapping[str, object]) -> str:
    limit = rules.get("limit_ms")
    return f"{limit / 1000:g} seconds" if isinstance(limit, int | float) else "a time that was not recorded"


def map_made(recipe: Recipe) -> list[str]:
    """How a photograph's map is made of strokes, a step a string, with the formulas in plain letters."""
    steps = [_sharp(recipe), _blurred(recipe)]
    if recipe.blur != "none":
        steps[-1] += (
            " Outside the photograph is zero, so maps fall off towards the edges. Sums are of whole "
            "multiples of 2⁻²⁶: the same strokes give the same bits on every machine."
        )
    return steps


def _sharp(recipe: Recipe) -> str:
    match recipe.map:
        case "mean":
            return (
                "A player's map m is 1 at each pixel that one of their bubbles covers, else 0; a bubble of b "
                "px at (x, y) covers the columns x − ⌊b/2⌋ to x − ⌊b/2⌋ + b − 1, and rows likewise. The "
                "photograph's is the mean over its P players, M = (m₁ + … + m_P) / P: the share of players "
                "who painted a pixel, from 0 to 1 (paper, Fig. 2)."
            )
        case "count":
            return (
                f"Every bubble of every player adds 1 to the {recipe.box}×{recipe.box} px around it; the sum "
                "is divided by its maximum: M = C / max C, the share of the largest count, from 0 to 1 (the "
                "original game)."
            )
        case "point":
            return (
                "M(x, y) is the number of bubbles at the pixel (x, y), a mean over the photograph's players: "
                "bubbles per pixel and player, from 0 (ClickMe 2)."
            )


def _blurred(recipe: Recipe) -> str:
    match recipe.blur:
        case "gaussian":
            return (
                f"M is blurred with a {recipe.kernel}×{recipe.kernel} px Gaussian (paper, appendix), its "
                f"taps in proportion to exp(−(dx² + dy²) / (2·{recipe.sigma:g}²)) with a sum of 1, sigma "
                f"{recipe.sigma:g} px. The unit stays."
            )
        case "disk":
            return (
                f"M is averaged over a flat disk of {recipe.diameter} px, twice (ClickMe 2). The unit stays."
            )
        case "none":
            return "It is not blurred."


def unit(recipe: Recipe) -> str:
    return {
        "mean": "share of players",
        "count": "share of the largest count",
        "point": "bubbles per pixel and player",
    }[recipe.map]


def biases(facts: Facts) -> list[str]:
    """What pulls these maps away from what people in general find telling."""
    rules = facts.rules[0][0] if facts.rules else {}
    touched = facts.pointers.get("touch", 0)
    return [
        "The partner's taste. A round ends when one particular network recognises the label, and players "
        "learn what it likes: the maps are of what is telling to people who play for that network.",
        f"The middle. The partner sees the middle {SEEN}×{SEEN} px of the photograph, so a bubble in the "
        "outer 16 px shows it little and there is less reason to paint there.",
        f"Haste. A round lasts {seconds(rules)} at most: what is found and reached quickly is painted, and "
        "what would have come later is not.",
        "The word. Players know the category before they paint: a map is of what makes that word plain, not "
        "of where eyes go, nor of all that belongs to the object.",
        "The players. They chose to play, and how much is up to each; nobody asked who they are.",
        f"The hand. {share(touched, facts.rounds)} of the rounds were painted by touch, where a finger hides "
        "what it paints.",
        "The photographs. They are square crops of the middle, each with one label of ILSVRC12, whatever "
        "else is on it; 118 of the 1,000 labels are breeds of dogs.",
    ]


def limits(facts: Facts) -> list[str]:
    """What these data cannot bear."""
    per_class = _per_class(facts)
    said = [
        f"Few players a photograph: {facts.rounds / facts.photographs:.1f} on average. The map of one player "
        "shows that player's habits as much as the photograph.",
        f"Unequal classes: {len(per_class)} of the {CLASSES:,} classes of ILSVRC12 are here, with "
        f"{min(per_class.values())} to {max(per_class.values())} photographs each.",
    ]
    missing = [split for split in SPLITS if split not in facts.classes]
    if missing and facts.classes.keys() <= set(SPLITS):
        said.append(f"No photograph in {' and '.join(missing)}: there are too few yet.")
    return said


def _per_class(facts: Facts) -> dict[str, int]:
    totals: dict[str, int] = {}
    for classes in facts.classes.values():
        for wnid, photographs in classes.items():
            totals[wnid] = totals.get(wnid, 0) + photographs
    return totals


def rows(facts: Facts, shard: Shard) -> int:
    """How many things a reader finds in a file: maps, or where there are none, rounds."""
    return shard.records if facts.has_maps else shard.maps


def splits(facts: Facts) -> list[str]:
    """The splits that have files, train first."""
    present = {shard.split for shard in facts.shards}
    return [*(split for split in SPLITS if split in present), *sorted(present.difference(SPLITS))]


def in_order(counts: Mapping[str, int]) -> Iterable[tuple[str, int]]:
    """The largest first; equal ones by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def pattern(facts: Facts, split: str) -> str:
    """One pattern for all files of a split."""
    names = [shard.name for shard in facts.shards if shard.split == split]
    if len(names) == 1:
        return names[0]
    return re.sub(r"-\d+(?=-of-\d+|\.tar$)", "-*", names[0])
