"""Reports as people and as programs read them."""

import csv
import io
import json
from dataclasses import replace

from clickme_gala.evaluate.report import Report, as_csv, as_json, as_text

WHOLE = Report(
    name="gala-resnet-50",
    size=224,
    photographs=17_581,
    unreadable=2,
    top1_error=49.29,
    top5_error=27.731,
    maps=17_570,
    rho=0.5136,
    rho_low=0.51,
    rho_high=0.517,
    people=0.58,
    fraction=88.556,
    fraction_low=87.9,
    fraction_high=89.1,
    ceiling=0.62,
    fraction_of_ceiling=82.84,
    null=0.18,
    null_p=1 / 10_001,
    alignment=0.6,
    dice=0.31,
    iou=0.2,
    objects=4_952,
    objects_unreadable=3,
    object_iou=0.26,
    object_iou_equal_areas=0.4,
    object_p=0.0002,
    object_p_first=0.5,
)
BARE = replace(
    WHOLE,
    name="resnet-18",
    rho=None,
    rho_low=None,
    rho_high=None,
    fraction=None,
    fraction_low=None,
    fraction_high=None,
    fraction_of_ceiling=None,
    notes=("The data set has no maps.", "One class only."),
)


def test_a_table_has_a_column_for_each_network_and_notes_below_it() -> None:
    lines = as_text([WHOLE, BARE]).splitlines()
    assert lines[0].split() == ["gala-resnet-50", "resnet-18"]
    table = lines[: lines.index("")]
    assert len({len(line) for line in table}) == 1
    found = {" ".join(line.split()) for line in table}
    assert "photographs 17,581 17,581" in found
    assert "top-5 error, % 27.73 27.73" in found
    assert "fraction of human ClickMe variability, % 88.56 not measured" in found
    assert "95 % interval 87.90 to 89.10 not measured" in found
    assert "rho of two players 0.580 0.580" in found
    assert "fraction of the split-half ceiling, % 82.84 not measured" in found
    assert "rho of two halves of the players 0.620 0.620" in found
    assert [" ".join(line.split()) for line in table if "unreadable" in line] == [
        "unreadable, left out 2 2",
        "unreadable, left out 3 3",
    ]
    assert "p, maps shuffled 0.0001 0.0001" in found
    assert lines[lines.index("") + 1 :] == list(BARE.notes)


def test_a_note_is_said_once() -> None:
    assert as_text([BARE, BARE]).count("The data set has no maps.") == 1
    assert as_text([WHOLE]).splitlines()[-2].endswith("4,952")


def test_json_and_csv_hold_what_the_report_does() -> None:
    found = json.loads(as_json([WHOLE, BARE]))
    assert [one | {"notes": tuple(one["notes"])} for one in found] == [vars(WHOLE), vars(BARE)]
    rows = list(csv.DictReader(io.StringIO(as_csv([WHOLE, BARE]))))
    assert [row["name"] for row in rows] == ["gala-resnet-50", "resnet-18"]
    assert list(rows[0]) == list(vars(WHOLE))
    assert float(rows[0]["null_p"]) == WHOLE.null_p
    assert (rows[1]["rho"], rows[1]["notes"]) == ("", "The data set has no maps. One class only.")
