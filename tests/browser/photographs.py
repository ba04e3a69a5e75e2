"""Photographs that tests paint, and where in them the thing is."""

from clickme.catalogue.categories import all_categories
from clickme.catalogue.demo import demo_photographs
from clickme.catalogue.service import add_photographs
from clickme.kit.house import House

# By the words above them; a face first. However late the hand and however slow the brush, ResNet-50 names
# each within as many bubbles as are said here, and from then on at nearly every look.
STROKES = {
    "ring-tailed lemur": [(112, 110), (100, 95), (130, 90), (125, 120), (112, 105), (120, 150)],  # 8
    "jaguar (the big cat)": [(75, 110), (60, 130), (80, 150), (60, 180), (50, 160), (75, 120)],  # 12
    "German shepherd": [(225, 60), (235, 90), (210, 70), (190, 110), (215, 40), (150, 110)],  # 28
    "red panda": [(128, 140), (105, 170), (120, 185), (140, 160), (160, 130), (130, 120), (95, 125)],  # 40
}

# The partner looks at the middle 224 px of 256: of a bubble this near to the edge it sees nothing, and its
# belief about an empty view names none of the above. A round painted here lasts to its end.
UNSEEN = (3, 128)


def hang(house: House, *words: str) -> None:
    """Put these bundled photographs into the catalogue."""
    shown = {all_categories()[source.class_index].shown: source for source in demo_photographs()}
    with house.database.transaction() as session:
        chosen = [shown[word] for word in words]
        tally = add_photographs(session, house.home.photographs, chosen, house.settings.limits)
    assert tally.added == len(words)
