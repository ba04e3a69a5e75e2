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
    ceiling=0.58,
    fraction=88.556,
    fraction_low=87.9,
    fraction_high=89.1,
    null=0.18,
    null_p=1 / 10_001,
    alignment=0.6,
    dice=0.31,
    iou=0.2,
    objects=4_952,
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
    not_measured=("The data set has no maps.", "One class only."),
)


def test_a_table_has_a_column_for_each_network_and_says_why_something_is_missing() -> None:
    lines = as_text([WHOLE, BARE]).splitlines()
    assert lines[0].split() == ["gala-resnet-50", "resnet-18"]
    table = lines[: lines.index("")]
    assert len({len(line) for line in table}) == 1
    found = {" ".join(line.split()) for line in table}
    assert "photographs 17,581 17,581" in found
    assert "top-5 error, % 27.73 27.73" in found
    assert "fraction of human ClickMe variability, % 88.56 not measured" in found
    assert "95 % interval 87.90 to 89.10 not measured" in found
    assert "p, maps shuffled 0.0001 0.0001" in found
    assert lines[lines.index("") + 1 :] == list(BARE.not_measured)


def test_a_reason_is_said_once() -> None:
    assert as_text([BARE, BARE]).count("The data set has no maps.") == 1
    assert as_text([WHOLE]).endswith("4,952\n")


def test_json_and_csv_hold_what_the_report_does() -> None:
    found = json.loads(as_json([WHOLE, BARE]))
    assert [one | {"not_measured": tuple(one["not_measured"])} for one in found] == [vars(WHOLE), vars(BARE)]
    rows = list(csv.DictReader(io.StringIO(as_csv([WHOLE, BARE]))))
    assert [row["name"] for row in rows] == ["gala-resnet-50", "resnet-18"]
    assert list(rows[0]) == list(vars(WHOLE))
    assert float(rows[0]["null_p"]) == WHOLE.null_p
    assert (rows[1]["rho"], rows[1]["not_measured"]) == ("", "The data set has no maps. One class only.")
