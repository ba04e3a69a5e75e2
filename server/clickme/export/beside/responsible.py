"""How the data came to be and what they are good for: the part of croissant.json for responsible AI.

Source: MLCommons, "Croissant RAI Specification" 1.0.
"""

from collections.abc import Iterator
from typing import Any

from clickme.export.beside.words import biases, count, how_collected, in_order, limits, map_made, unit
from clickme.export.facts import Facts


def responsible(facts: Facts) -> dict[str, Any]:
    """Everything that the extension asks and these facts can answer."""
    return {
        **collection(facts),
        **annotation(facts),
        "rai:dataLimitations": limits(facts),
        "rai:dataBiases": biases(facts),
        "rai:dataUseCases": [
            "Training networks to look where people find a photograph telling; measuring whether they do.",
            "Not for judging players, nor for finding out who they are.",
        ],
        "rai:personalSensitiveInformation": [
            "No names and no addresses. Players are numbered within this export. Strokes have times, by "
            "which a person's hand might be told from another's. Photographs may show people."
        ],
        "rai:dataSocialImpact": "Networks that look where people look may be easier to follow, and overlook "
        "what people overlook.",
        "rai:dataReleaseMaintenancePlan": "None comes with ClickMe: whoever publishes these files says "
        "whether there will be others. A later export keeps each photograph in its split, and may leave "
        "photographs and players out.",
    }


def collection(facts: Facts) -> dict[str, Any]:
    moments = (facts.first_round, facts.last_round)
    return {
        "rai:dataCollection": how_collected(facts),
        "rai:dataCollectionType": ["Experiments", "Crowdsourcing"],
        "rai:dataCollectionTimeFrame": [moment for moment in moments if moment],
        "rai:dataCollectionRawData": f"{count(facts.bubbles, 'bubble')}, each with its place and its time.",
        "rai:dataPreprocessingProtocol": [*left_out(facts), *made(facts)],
    }


def left_out(facts: Facts) -> Iterator[str]:
    for line in facts.left_out:
        if line.rounds or line.photographs:
            whole = f", {count(line.photographs, 'photograph')} whole" if line.photographs else ""
            yield f"Left out: {line.says}: {count(line.rounds, 'round')}{whole}."


def made(facts: Facts) -> Iterator[str]:
    if facts.has_maps:
        yield from map_made(facts.recipe)
        yield f"The unit of a map is the {unit(facts.recipe)}."


def annotation(facts: Facts) -> dict[str, Any]:
    return {
        "rai:dataAnnotationProtocol": [
            "The rules of the game are recorded with each round. Photographs with the fewest maps are dealt "
            "first, and no player gets one twice."
        ],
        "rai:dataAnnotationAnalysis": list(agreement(facts)),
        "rai:machineAnnotationTools": [
            f"partner {name}: {count(rounds, 'round')}" for name, rounds in in_order(facts.partners)
        ],
        "rai:annotationsPerItem": f"{facts.rounds / facts.photographs:.2f} rounds a photograph on average",
        "rai:annotatorDemographics": [
            f"{count(facts.players, 'player')} who chose to play. The consent that comes with ClickMe asks "
            "for an age of 18 years or more; nothing else is asked."
        ],
    }


def agreement(facts: Facts) -> Iterator[str]:
    found = facts.reliability
    if found is None or found.rho is None:
        return
    null = "" if found.null is None else f"; of two players of two photographs {found.null:.2f}"
    yield (
        f"Spearman's rank correlation of the maps of two players of one photograph: {found.rho:.2f}, a mean "
        f"over {count(found.photographs, 'photograph')}{null}. In the paper 0.58 and 0.18."
    )
