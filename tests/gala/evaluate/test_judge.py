"""Networks judged on real files, against the same measures by plain loops over SciPy's."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor

from clickme.kit.problems import Problem
from clickme_gala.data import Photographs, open_data
from clickme_gala.data.loader import Loader
from clickme_gala.data.views import View
from clickme_gala.evaluate.judge import Judged, evaluate
from clickme_gala.evaluate.looks import attention, look
from clickme_gala.evaluate.report import Report
from clickme_gala.networks import build
from clickme_gala.resnet import BasicBlock, ResNet, Seen
from export.beside.made import RELIABILITY
from gala.evaluate.made import coco, rectangle
from gala.made import data_set, export, ilsvrc, jpeg, mapping, records

SIZE = 64


def network(name: str = "gala-resnet-18", seed: int = 0) -> Judged:
    torch.manual_seed(seed)
    return Judged(name, build(name, width=8).eval(), SIZE)


def silent(what: str, share: float) -> None:
    pass


def judge(*judged: Judged, on: Photographs, coco: Path | None = None, batch: int = 4) -> list[Report]:
    return evaluate(judged, on, coco=coco, batch=batch, device=torch.device("cpu"), progress=silent)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Photographs:
    folder = tmp_path_factory.mktemp("data") / "set"
    return open_data(data_set(folder, photographs={"test": 10}, classes=4), "test")


def test_a_report_is_what_loops_find(photographs: Photographs) -> None:
    one = network()
    (found,) = judge(one, on=photographs)
    loader = Loader(
        photographs, View(SIZE, train=False), batch=5, workers=0, seed=0, device=torch.device("cpu")
    )
    firsts, fives, rhos, aligned, dices, ious = [], [], [], [], [], []
    for batch in loader.once():
        attended = torch.nn.functional.interpolate(
            attention(one.network, batch.images)[:, None], (SIZE, SIZE), mode="bicubic", antialias=True
        )[:, 0]
        steep = look(one.network, batch.images, batch.labels).saliency
        with torch.no_grad():
            order = one.network(batch.images).logits.argsort(1, descending=True).numpy()
        for label, row in zip(batch.labels.tolist(), order, strict=True):
            firsts.append(label != row[0])
            fives.append(label not in row[:5])
        for seen, slope, map_ in zip(attended.numpy(), steep.numpy(), batch.maps.numpy(), strict=True):
            if map_.min() == map_.max():
                continue
            rhos.append(spearmanr(seen, map_, axis=None).statistic)
            aligned.append(spearmanr(slope, map_, axis=None).statistic)
            a, b = slope > np.percentile(slope, 90), map_ > np.percentile(map_, 90)
            dices.append(2 * (a & b).sum() / (a.sum() + b.sum()))
            ious.append((a & b).sum() / (a | b).sum())
    assert (found.photographs, found.unreadable, found.maps) == (10, 0, len(rhos))
    assert found.top1_error == pytest.approx(100 * np.mean(firsts))
    assert found.top5_error == pytest.approx(100 * np.mean(fives))
    assert found.rho == pytest.approx(np.mean(rhos), abs=1e-6)
    assert (found.people, found.ceiling) == (0.571, 0.594)  # as made
    assert found.fraction == pytest.approx(100 * np.mean(rhos) / 0.571, abs=1e-4)
    assert found.fraction_of_ceiling == pytest.approx(100 * np.mean(rhos) / 0.594, abs=1e-4)
    assert found.rho_low is not None and found.rho_high is not None
    assert (found.fraction_low, found.fraction_high) == pytest.approx(
        (100 * found.rho_low / 0.571, 100 * found.rho_high / 0.571)
    )
    assert found.alignment == pytest.approx(np.mean(aligned) / 0.65753, abs=1e-6)
    assert (found.dice, found.iou) == pytest.approx((np.mean(dices), np.mean(ious)), abs=1e-6)
    assert found.object_iou is None
    assert found.notes == ("Attention was not held against objects: no COCO folder was named.",)


class Planted(ResNet):
    """Looks where a photograph is bright, and is swayed as much by each pixel as it is bright."""

    def __init__(self) -> None:
        super().__init__(BasicBlock, (1, 1, 1, 1), width=2)

    def forward(self, photographs: Tensor) -> Seen:
        x = photographs.float()
        return Seen(x.square().sum((1, 2, 3))[:, None] * torch.ones(1000), [x])


def test_attention_planted_in_photographs_follows_their_maps(tmp_path: Path) -> None:
    made = []
    for record in records("test", 8, 4):
        assert record.heatmap is not None
        grey = np.round(255 * record.heatmap / record.heatmap.max()).astype(np.uint8)
        made.append(replace(record, image=jpeg(np.stack([grey] * 3, axis=-1), quality=100)))
    photographs = open_data(export(tmp_path / "set", made), "test")
    (found,) = judge(Judged("planted", Planted(), 224), on=photographs)
    assert found.rho is not None and found.rho > 0.97
    assert found.alignment is not None and found.alignment > 0.97 / 0.65753
    assert found.dice is not None and found.dice > 0.9
    assert found.null is not None and found.null < 0.7
    assert found.null_p is not None and found.null_p < 0.001
    assert (found.top1_error, found.top5_error) == (100, 100)


def test_batches_are_nothing_to_a_report(photographs: Photographs) -> None:
    ones, fours = (judge(network(), on=photographs, batch=batch)[0] for batch in (1, 4))
    for name, value in vars(ones).items():
        wanted = getattr(fours, name)
        assert value == (pytest.approx(wanted, abs=1e-3) if isinstance(wanted, float) else wanted), name


def test_networks_judged_together_are_judged_alike(photographs: Photographs) -> None:
    together = judge(network(), network("resnet-18"), on=photographs)
    assert together == [*judge(network(), on=photographs), *judge(network("resnet-18"), on=photographs)]


def test_progress_goes_on_to_the_end(photographs: Photographs) -> None:
    said: list[tuple[str, float]] = []
    evaluate(
        [network()],
        photographs,
        batch=4,
        device=torch.device("cpu"),
        progress=lambda what, share: said.append((what, share)),
    )
    assert said == [("gala-resnet-18: photographs", share) for share in (0.4, 0.8, 1.0)]


def test_a_data_set_that_does_not_say_how_far_players_agree(tmp_path: Path) -> None:
    folder = data_set(tmp_path, photographs={"test": 3}, classes=1, with_reliability=False)
    (found,) = judge(network(), on=open_data(folder, "test"))
    assert found.rho is not None
    assert (found.people, found.fraction, found.fraction_low) == (None, None, None)
    assert (found.ceiling, found.fraction_of_ceiling) == (None, None)
    assert [sentence.partition(":")[0] for sentence in found.notes] == [
        "All photographs are of one class",
        "The fraction of human variability was not measured",
        "Attention was not held against objects",
    ]


@pytest.mark.parametrize(
    ("known", "measured"),
    [
        ({"ceiling": None}, (True, False)),
        ({"rho": None}, (False, True)),
        ({"rho": -0.01, "ceiling": 0.0}, (False, False)),
    ],
)
def test_there_is_a_fraction_of_what_was_measured_and_is_more_than_nothing(
    tmp_path: Path, known: dict[str, Any], measured: tuple[bool, bool]
) -> None:
    reliability = replace(RELIABILITY, **known)
    folder = export(tmp_path, records("test", 3, 2), reliability=reliability)
    (found,) = judge(network(), on=open_data(folder, "test"))
    assert (found.people, found.ceiling) == (reliability.rho, reliability.ceiling)
    assert (found.fraction is not None, found.fraction_of_ceiling is not None) == measured
    assert any("does not say how far two of its players" in note for note in found.notes) != measured[0]


def test_what_cannot_be_read_is_counted_and_named_whenever_it_is_found(tmp_path: Path) -> None:
    made = records("test", 9, 3)
    made[1] = replace(made[1], image=b"no photograph")
    folder = export(tmp_path / "set", made, per_shard=4)
    *_, third = shards = sorted(folder.glob("*test*"))
    third.unlink()
    content = shards[1].read_bytes()
    shards[1].write_bytes(content[: 2 * len(content) // 3])  # which ends in the third record of the four
    (found,) = judge(network(), on=open_data(folder, "test"))
    lost = [note for note in found.notes if note.startswith("Left out: ")]
    assert (found.photographs, found.unreadable) == (5, 4)
    wanted = ("record 2 of", "1 of 4", "1 of 1", "record 1 of")
    assert all(what in note for what, note in zip(wanted, lost, strict=True))
    assert all(note.endswith(".") and not note.endswith("..") for note in lost)


@pytest.mark.parametrize("with_maps", [False, True])
def test_photographs_some_or_all_of_which_have_no_map(tmp_path: Path, with_maps: bool) -> None:
    made = records("validation", 4, 2)
    names = [record.image_id for record in made] + [made[0].image_id.replace("_", "_more")]
    folder = ilsvrc(tmp_path / "photographs", {"val": names})
    mapping(folder / "LOC_synset_mapping.txt")
    maps = export(tmp_path / "set", made) if with_maps else None
    (found,) = judge(network(), on=open_data(folder, "validation", maps=maps))
    assert (found.photographs, found.maps) == (5, 4 if with_maps else 0)
    assert (found.rho is not None) == (found.fraction is not None) == (found.dice is not None) == with_maps
    why = "Attention and saliency were not held against maps: the data set has no maps."
    assert (why in found.notes) != with_maps
    assert 0 <= found.top5_error <= found.top1_error <= 100


def test_maps_that_tell_no_places_apart(tmp_path: Path) -> None:
    made = [replace(record, heatmap=np.full((256, 256), 0.5)) for record in records("test", 3, 2)]
    (found,) = judge(network(), on=open_data(export(tmp_path / "set", made), "test"))
    assert (found.maps, found.rho, found.alignment) == (0, None, None)
    assert (
        "Attention and saliency were not held against maps: no map tells places of its crop apart."
        in found.notes
    )


def test_one_photograph_has_no_other(tmp_path: Path) -> None:
    folder = data_set(tmp_path, photographs={"test": 1}, classes=1)
    (found,) = judge(network(), on=open_data(folder, "test"))
    assert (found.null, found.null_p) == (None, None)
    assert "Maps were not shuffled: only one photograph has one." in found.notes


def test_a_data_set_of_which_nothing_can_be_read(tmp_path: Path) -> None:
    made = [replace(record, image=b"no photograph") for record in records("test", 3, 2)]
    photographs = open_data(export(tmp_path / "set", made), "test")
    with pytest.raises(Problem, match="none can be read") as problem:
        judge(network(), on=photographs)
    assert problem.value.code == "nothing_readable"


def test_objects_of_real_photographs(photographs: Photographs, shared_data: Path, tmp_path: Path) -> None:
    for part in ("annotations/instances_val2017.json", "val2017"):
        (tmp_path / part).parent.mkdir(exist_ok=True)
        (tmp_path / part).symlink_to(shared_data / "coco-sample" / part)
    first, second = judge(network(), network("resnet-18"), on=photographs, coco=tmp_path, batch=16)
    for found in (first, second):
        assert 60 < found.objects <= 80
        assert found.object_iou is not None and 0.02 < found.object_iou < 0.6
        assert found.object_iou_equal_areas is not None and 0.1 < found.object_iou_equal_areas < 0.6
        assert found.object_p is not None and 0 < found.object_p <= 1
        assert (found.objects_unreadable, found.notes) == (0, ())
    assert first.object_p_first == 1
    assert second.object_p_first is not None and 0 < second.object_p_first <= 1


def test_photographs_of_coco_that_cannot_be_read_are_counted_and_named(
    photographs: Photographs, tmp_path: Path
) -> None:
    coco(tmp_path, [((256, 256), [rectangle(60, 60, 99, 99)])] * 3)
    (tmp_path / "val2017" / "000000000001.jpg").write_bytes(b"no photograph")
    (found,) = judge(network(), on=photographs, coco=tmp_path)
    assert (found.objects, found.objects_unreadable, found.unreadable) == (2, 1, 0)
    (note,) = found.notes
    assert note.startswith("Left out: ") and "000000000001.jpg" in note


def test_who_names_no_coco_needs_none_of_its_tools() -> None:
    script = "import sys; sys.modules['pycocotools'] = None; import clickme_gala.evaluate.judge"
    subprocess.run([sys.executable, "-c", script], check=True)
