"""README.md: a data set card as Hugging Face shows them, and as anybody reads them.

Source: Hugging Face, "Dataset Cards" and "Data files configuration" (the block of YAML at the top).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from clickme.export.beside.columns import columns
from clickme.export.beside.snippets import snippet
from clickme.export.beside.words import (
    CITATION,
    biases,
    count,
    description,
    how_collected,
    in_order,
    limits,
    map_made,
    pattern,
    rows,
    splits,
    unit,
)
from clickme.export.facts import Facts
from clickme.maps.reliability import Reliability

LOADED = ("parquet", "webdataset", "ndjson")  # the formats that datasets.load_dataset reads
RULES = {
    "size": "the photograph's side, px",
    "bubble": "a bubble's side, px",
    "reveal": "the side of what a bubble shows the partner, px",
    "fill": "the rest of the partner's view",
    "tick_ms": "the least time between bubbles, ms",
    "step_px": "the most between a bubble and the next, px",
    "limit_ms": "a round's length, ms",
    "top_k": "recognised: the label is among the partner's first",
}


def card(facts: Facts) -> str:
    """The whole README.md."""
    return front_matter(facts) + "\n" + "\n".join(sections(facts))


def front_matter(facts: Facts) -> str:
    """The YAML block. Strings are written as JSON writes them, which YAML reads as well."""
    lines = ["---", 'pretty_name: "ClickMe"', *_licence(facts.licence)]
    lines += ["task_categories:", "- image-classification", "annotations_creators:", "- crowdsourced"]
    lines += ["tags:", "- saliency", "- attention-maps", "- human-attention", "size_categories:"]
    lines += [f"- {_size(sum(rows(facts, shard) for shard in facts.shards))}"]
    if facts.format in LOADED:
        lines += ["configs:", "- config_name: default", "  data_files:"]
        for split in splits(facts):
            lines += [f"  - split: {split}", f"    path: {json.dumps(pattern(facts, split))}"]
    return "\n".join([*lines, "---", ""])


def _licence(licence: str | None) -> Iterator[str]:
    if licence is None:
        return
    if re.fullmatch(r"[A-Za-z0-9.-]+", licence):
        yield f"license: {licence.lower()}"
    else:
        yield "license: other"
        yield f"license_name: {json.dumps(licence, ensure_ascii=False)}"


def _size(records: int) -> str:
    """The Hub's words for how large a data set is."""
    bounds = [("1K", 10**3), ("10K", 10**4), ("100K", 10**5), ("1M", 10**6), ("10M", 10**7)]
    low = "n"
    for word, bound in bounds:
        if records < bound:
            return f"{low}<n<{word}" if low != "n" else f"n<{word}"
        low = word
    return "n>10M"


def sections(facts: Facts) -> Iterator[str]:
    title = "ClickMe maps" if facts.has_maps else "ClickMe strokes"
    yield f"# {title}\n\n{description(facts)}\n"
    yield from collected(facts)
    yield from counts(facts)
    yield from left_out(facts)
    yield from maps(facts)
    yield from agreement(facts)
    yield from known_limits(facts)
    yield from licences(facts)
    yield from reading(facts)
    yield f"## Citation\n\n```bibtex\n{CITATION}```\n"
    yield from made_by(facts)


def collected(facts: Facts) -> Iterator[str]:
    yield f"## How it was collected\n\n{how_collected(facts)}\n"
    if facts.first_round and facts.last_round:
        yield f"The first of these rounds began at {facts.first_round}, the last at {facts.last_round}.\n"
    yield "The rules, as they were recorded with each round:\n"
    heads = [count(rounds, "round") for _, rounds in facts.rules]
    yield table(["rule", *heads], _rule_rows([rules for rules, _ in facts.rules]))
    for title, counted in (
        ("partner", facts.partners),
        ("pointer", facts.pointers),
        ("outcome", facts.outcomes),
    ):
        yield table([title, "rounds"], _counted(counted))
    yield (
        "A partner is a name and the SHA-256 of its ONNX file. Rounds count whether the partner recognised "
        "anything or not (paper, section 2.1).\n"
    )
    yield "Players agreed to take part before their first round. The text they agreed to has a version:\n"
    yield table(["consent", "players"], _counted(facts.consents))


def _rule_rows(sets: list[Mapping[str, Any]]) -> Iterator[list[str]]:
    names = dict.fromkeys([*RULES, *sorted(name for rules in sets for name in rules)])
    for name in names:
        if any(name in rules for rules in sets):
            yield [RULES.get(name, name), *(str(rules.get(name, "not recorded")) for rules in sets)]


def _counted(counts: Mapping[str, int]) -> Iterator[list[str]]:
    for name, number in in_order(counts):
        yield [name or "not known", f"{number:,}"]


def counts(facts: Facts) -> Iterator[str]:
    yield "## What is here\n"
    lines = []
    for split in splits(facts):
        shards = [shard for shard in facts.shards if shard.split == split]
        numbers = (
            sum(shard.photographs for shard in shards),
            sum(shard.maps for shard in shards),
            sum(rows(facts, shard) for shard in shards),
            len(facts.classes.get(split, ())),
            len(shards),
        )
        lines.append([split, *(f"{number:,}" for number in numbers)])
    yield table(["split", "photographs", "rounds", "records", "classes", "files"], lines)
    one = facts.per_player or not facts.has_maps
    a_record = "of one player on one photograph" if one else "of one photograph"
    yield (
        f"A record is {a_record}. All rounds of a photograph are in one split, and adding data never moves "
        "it to another. Players are numbered within this export; a number says nothing of who it is.\n"
    )
    yield table(["key", "what it is"], ([f"`{column.name}`", column.says] for column in columns(facts)))


def left_out(facts: Facts) -> Iterator[str]:
    yield "## What was left out\n"
    if not facts.left_out:
        yield "Nothing.\n"
        return
    yield "A round is counted at the first rule that it falls under.\n"
    yield table(
        ["rule", "what it leaves out", "rounds", "photographs"],
        (
            [f"`{line.rule}`", line.says, f"{line.rounds:,}", f"{line.photographs:,}"]
            for line in facts.left_out
        ),
    )


def maps(facts: Facts) -> Iterator[str]:
    yield "## How a map is made\n"
    if not facts.has_maps:
        yield "These files hold strokes and no maps. This is how ClickMe makes maps of them by default:\n"
    steps = enumerate(map_made(facts.recipe), start=1)
    yield "\n".join(f"{number}. {step}" for number, step in steps) + "\n"
    if facts.has_maps:
        one = "one player" if facts.per_player else "all players of a photograph"
        yield f"The unit is the {unit(facts.recipe)}; a record's map is that of {one}. {_kept(facts)}\n"


def _kept(facts: Facts) -> str:
    if facts.format == "hdf5" or facts.options.get("schema") == "raw":
        return "It is kept as float32."
    return "It is kept as a picture: grey / 255 × `heatmap_max`, off by half a grey level at most."


def agreement(facts: Facts) -> Iterator[str]:
    yield "## How far players agree\n"
    if facts.reliability is None:
        yield "Not measured: no photograph has two players.\n"
        return
    yield from measured(facts.reliability)


def measured(found: Reliability) -> Iterator[str]:
    yield (
        "Spearman's rank correlation of two maps, a mean over photographs with two players or more: 1 where "
        "both put all pixels in the same order, 0 where one says nothing of the other. Here they are always "
        "maps as the paper's, mean and blurred, whatever those in these files are. In brackets the 95 % "
        "interval of the mean, photographs drawn anew.\n"
    )
    yield table(
        ["maps of", "here", "in the paper"],
        [
            ["two players of one photograph", _mean(found.rho, found.rho_interval), "0.58"],
            ["two players of two photographs: what any two maps agree in", _mean(found.null, None), "0.18"],
            [
                "two halves of a photograph's players: the most a model can reach",
                _mean(found.ceiling, found.ceiling_interval),
                "",
            ],
            ["halves of the players of two photographs", _mean(found.floor, found.floor_interval), ""],
        ],
    )
    said = f"Measured on {count(found.photographs, 'photograph')}, of {found.players:.1f} players on average"
    said += f"; halves on {found.halves_photographs:,}, {found.resamples} random splits each."
    if found.p is not None:
        said += (
            f" Of {count(found.nulls, 'pair')} of players of two photographs, the share that agrees as well "
            f"as two players of one do on average is p = {found.p:.2g}."
        )
    if found.left_out:
        said += (
            f" {count(found.left_out, 'photograph')} could not be compared: a map was the same everywhere."
        )
    yield said + " The paper's figures are of 10,000 photographs of ILSVRC12.\n"


def _mean(value: float | None, interval: Sequence[float] | None) -> str:
    if value is None:
        return "not measured"
    return f"{value:.2f}" + (f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval else "")


def known_limits(facts: Facts) -> Iterator[str]:
    yield "## Known limits and biases\n"
    yield bullets([*biases(facts), *limits(facts)])


def licences(facts: Facts) -> Iterator[str]:
    yield "## Licences\n"
    chosen = facts.licence or "no licence was chosen: ask whoever gave you these files"
    yield f"The maps and strokes: {chosen}.\n"
    inside = "are in these files" if facts.has_images else "are not in these files"
    yield f"The photographs {inside}. Each has a licence of its own; the maps' does not cover them:\n"
    yield table(["licence", "photographs"], _counted(facts.licences))


def reading(facts: Facts) -> Iterator[str]:
    yield f"## Reading it\n\n```python\n{snippet(facts)}```\n"
    yield (
        "With ClickMe installed, any of its formats reads the same way:\n\n"
        "```python\nimport clickme.export\n\n"
        'for record in clickme.export.read("."):\n    print(record.image_id, record.label)\n```\n'
    )


def made_by(facts: Facts) -> Iterator[str]:
    yield "## How these files were made\n"
    yield f"By ClickMe {facts.version}, with these options:\n\n```json\n{_options(facts)}\n```\n"
    yield (
        "`sha256sum --check SHA256SUMS` tells whether they are still as they were. `dataset_info.json` holds "
        "all numbers of this page for programs, under `schema.annotation.extraMetadata`.\n"
    )


def _options(facts: Facts) -> str:
    return json.dumps(facts.options, indent=2, sort_keys=True, ensure_ascii=False)


def bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) + "\n"


def table(heads: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table; a bar in a cell is not the end of it."""
    lines = [heads, ["---"] * len(heads), *rows]
    return (
        "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
        + "\n"
    )
