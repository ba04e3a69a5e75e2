"""`clickme gala`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from clickme.kit.problems import Problem
from clickme_gala.progress import bar, first, share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from clickme_gala.recipe import Recipe

app = typer.Typer(no_args_is_help=True, help="GALA: networks that look where people look.")
figures = typer.Typer(no_args_is_help=True, help="Draw what networks look at: PNG and SVG.")
app.add_typer(figures, name="figures")

MODEL = "What is trained"
SCHEDULE = "How it is trained (defaults: the paper's)"
MACHINE = "On what"

DataArgument = Annotated[
    Path, typer.Argument(help="An export (tfrecord, webdataset, parquet), or an ILSVRC12 folder.")
]
MapsOption = Annotated[
    Path | None, typer.Option("--maps", help="An export with maps for photographs of an ILSVRC12 folder.")
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=0, help="Processes that read photographs. \\[default: one a core, one left for the network]"
    ),
]
ModelOption = Annotated[
    str,
    typer.Option(
        help="resnet-50, se-resnet-50, gala-resnet-50, or one of the three with -18.", rich_help_panel=MODEL
    ),
]
MapWeightOption = Annotated[
    float | None,
    typer.Option(min=0, help="λ: how much maps weigh; 0: not at all. \\[default: 6]", rich_help_panel=MODEL),
]
AnnotationOption = Annotated[
    Literal["maps", "boxes"],
    typer.Option(help="boxes: around what was painted, the paper's control.", rich_help_panel=MODEL),
]
WidthOption = Annotated[
    int | None, typer.Option(min=1, help="Channels to begin with. \\[default: 64]", rich_help_panel=MODEL)
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(help="A state dict to begin with, with torchvision's names.", rich_help_panel=MODEL),
]
ReferenceOption = Annotated[
    bool,
    typer.Option(
        "--reference",
        help="As the reference trainer has it, not the paper: module, loss and schedule.",
        rich_help_panel=MODEL,
    ),
]
EpochsOption = Annotated[int | None, typer.Option(min=1, help="\\[default: 100]", rich_help_panel=SCHEDULE)]
BatchOption = Annotated[
    int | None,
    typer.Option(
        min=1, help="Photographs a step, over all processes. \\[default: 32]", rich_help_panel=SCHEDULE
    ),
]
RateOption = Annotated[
    float | None, typer.Option(help="\\[default: 0.1 for a batch of 256]", rich_help_panel=SCHEDULE)
]
DecayOption = Annotated[
    float | None, typer.Option(min=0, help="\\[default: 0.0001]", rich_help_panel=SCHEDULE)
]
SizeOption = Annotated[
    int | None,
    typer.Option(min=64, help="px of a photograph's crop. \\[default: 224]", rich_help_panel=SCHEDULE),
]
Bf16Option = Annotated[bool, typer.Option("--bf16", help="Layers work in bfloat16.", rich_help_panel=MACHINE)]
ChannelsLastOption = Annotated[
    bool, typer.Option("--channels-last", help="Channels lie innermost.", rich_help_panel=MACHINE)
]
CompileOption = Annotated[
    bool, typer.Option("--compile", help="Let torch.compile fuse layers.", rich_help_panel=MACHINE)
]
AccumulateOption = Annotated[
    int, typer.Option(min=1, help="Parts of a batch, one after the other.", rich_help_panel=MACHINE)
]


@app.callback()
def gala() -> None:
    """GALA: networks that look where people look."""


@app.command()
def train(
    data: DataArgument,
    out: Annotated[Path, typer.Option("--out", help="The run's folder: new, or of a run to go on with.")],
    maps: MapsOption = None,
    model: ModelOption = "gala-resnet-50",
    map_weight: MapWeightOption = None,
    annotation: AnnotationOption = "maps",
    width: WidthOption = None,
    weights: WeightsOption = None,
    reference: ReferenceOption = False,
    epochs: EpochsOption = None,
    batch: BatchOption = None,
    learning_rate: RateOption = None,
    weight_decay: DecayOption = None,
    size: SizeOption = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Of first weights, order, crops and flips.", rich_help_panel=SCHEDULE)
    ] = 0,
    bf16: Bf16Option = False,
    channels_last: ChannelsLastOption = False,
    compile_: CompileOption = False,
    accumulate: AccumulateOption = 1,
    workers: WorkersOption = None,
) -> None:
    """Train a network on photographs and maps.

    An interrupted run goes on where it stopped, when the same command is given again. On many GPUs:
    torchrun --nproc-per-node 8 --no-python clickme gala train …
    """
    with ready(), bar() as watch:
        from clickme_gala.train import train as run

        recipe = recipe_of(
            reference=reference,
            model=model,
            map_weight=map_weight,
            annotation=annotation,
            width=width,
            epochs=epochs,
            batch=batch,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            size=size,
            seed=seed,
            bf16=bf16,
            channels_last=channels_last,
            compile=compile_,
            accumulate=accumulate,
        )
        run(recipe, data, out, watch, maps=maps, weights=weights, workers=cores(workers))
    if first():
        typer.echo(out / "best.pt")


@app.command()
def evaluate(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs; others are held against the first.")],
    data: Annotated[Path, typer.Option("--data", help="An export, or an ILSVRC12 folder.")],
    split: Annotated[str, typer.Option(help="Whose photographs: test, validation or train.")] = "test",
    maps: MapsOption = None,
    coco: Annotated[
        Path | None, typer.Option("--coco", help="A COCO folder: attention is held against its objects.")
    ] = None,
    as_: Annotated[
        Literal["text", "json", "csv"], typer.Option("--as", help="How the table is printed.")
    ] = "text",
    batch: Annotated[int, typer.Option(min=1, help="Photographs at once.")] = 32,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn by lot.")] = 0,
    workers: WorkersOption = None,
) -> None:
    """Judge networks as in the paper's tables: errors, likeness to people's maps, overlap with objects."""
    with ready(), share() as progress:
        from clickme_gala.data import open_data
        from clickme_gala.evaluate.judge import Judged
        from clickme_gala.evaluate.judge import evaluate as judge
        from clickme_gala.evaluate.report import as_csv, as_json, as_text
        from clickme_gala.parallel import device
        from clickme_gala.runs import names_of, network_of
        from clickme_gala.runs import recipe_of as recipe_there

        reports = judge(
            [
                Judged(name, network_of(run), recipe_there(run).size)
                for name, run in zip(names_of(runs), runs, strict=True)
            ],
            open_data(data, split, maps=maps),
            coco=coco,
            batch=batch,
            workers=cores(workers),
            device=device(),
            seed=seed,
            progress=progress,
        )
    typer.echo({"text": as_text, "json": as_json, "csv": as_csv}[as_](reports), nl=False)


@app.command()
def sweep(
    data: DataArgument,
    out: Annotated[Path, typer.Option("--out", help="The folder of all runs: new, or to go on with.")],
    map_weights: Annotated[
        list[float] | None,
        typer.Option("--map-weight", min=0, help="λ; repeat it for each. \\[default: 0, 0.6, 2, 6, 20]"),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Networks for each λ.")] = 1,
    maps: MapsOption = None,
    model: ModelOption = "gala-resnet-50",
    annotation: AnnotationOption = "maps",
    width: WidthOption = None,
    epochs: EpochsOption = None,
    batch: BatchOption = None,
    learning_rate: RateOption = None,
    weight_decay: DecayOption = None,
    size: SizeOption = None,
    bf16: Bf16Option = False,
    channels_last: ChannelsLastOption = False,
    compile_: CompileOption = False,
    workers: WorkersOption = None,
) -> None:
    """Find out how much maps should weigh: a network for each λ, judged on the validation photographs.

    `clickme gala figures sweep` draws it.
    """
    with ready(), share() as progress:
        from clickme_gala.sweep import sweep as run

        recipe = recipe_of(
            reference=False,
            model=model,
            annotation=annotation,
            width=width,
            epochs=epochs,
            batch=batch,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            size=size,
            bf16=bf16,
            channels_last=channels_last,
            compile=compile_,
        )
        weights = map_weights or [0.0, 0.6, 2.0, 6.0, 20.0]
        points = run(recipe, weights, seeds, data, out, bar, progress, maps=maps, workers=cores(workers))
    for point in points:
        fraction = "not measured" if point.fraction is None else f"{point.fraction:.1f} %"
        typer.echo(
            f"λ {point.map_weight:g}, seed {point.seed}: top-1 error {point.top1_error:.2f} %, "
            f"fraction of human variability {fraction}"
        )


@app.command()
def to_onnx(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    out: Annotated[Path, typer.Option("--out", dir_okay=False, help="The ONNX file.")],
    data: Annotated[
        Path | None,
        typer.Option(help="Photographs that it is checked on. \\[default: those it was trained on]"),
    ] = None,
) -> None:
    """Write a run's network as a partner: the game can be played with it.

    clickme partner install --from FILE.onnx --normalisation inside
    """
    with ready():
        from clickme_gala.data import open_data
        from clickme_gala.figures.drawn import drawn, shown
        from clickme_gala.onnx import VIEW
        from clickme_gala.onnx import to_onnx as write
        from clickme_gala.runs import data_of, network_of
        from clickme_gala.runs import recipe_of as recipe_there

        trained_on, maps = data_of(run)
        photographs = open_data(data, "train") if data else open_data(trained_on, "train", maps=maps)
        views = shown(drawn(photographs, 8, 0, with_map=False), VIEW).photographs
        difference = write(network_of(run), out, views, size=recipe_there(run).size)
    typer.echo(f"{out}")
    typer.echo(
        f"logits as PyTorch's on {len(views)} photographs, to {difference:.1e} of the largest", err=True
    )


@figures.callback()
def draw() -> None:
    """Draw what networks look at: PNG and SVG."""


PictureOption = Annotated[
    Path, typer.Option("--out", dir_okay=False, help="The pictures, without .png and .svg.")
]
DataOption = Annotated[Path, typer.Option("--data", help="An export, or an ILSVRC12 folder.")]
SplitOption = Annotated[str, typer.Option(help="Whose photographs: test, validation or train.")]
CountOption = Annotated[int, typer.Option("--photographs", min=1, max=50, help="How many.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Which photographs are drawn by lot.")]


@figures.command("attention")
def draw_attention(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs.")],
    data: DataOption,
    out: PictureOption,
    split: SplitOption = "test",
    maps: MapsOption = None,
    count: CountOption = 6,
    seed: SeedOption = 0,
) -> None:
    """Where people and networks look, as transparency (paper, Fig. 4)."""
    with ready():
        from clickme_gala.data import open_data
        from clickme_gala.figures.drawn import attention_of, drawn

        keep(attention_of(runs, drawn(open_data(data, split, maps=maps), count, seed)), out)


@figures.command("smoothgrad")
def draw_smoothgrad(
    first_run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    second_run: Annotated[Path, typer.Argument(help="The folder of another.")],
    data: DataOption,
    out: PictureOption,
    split: SplitOption = "test",
    maps: MapsOption = None,
    count: CountOption = 6,
    seed: SeedOption = 0,
) -> None:
    """Which pixels two networks depend on, and where they differ (paper, Fig. 8)."""
    with ready():
        from clickme_gala.data import open_data
        from clickme_gala.figures.drawn import drawn, smoothgrad_of

        samples = drawn(open_data(data, split, maps=maps), count, seed)
        keep(smoothgrad_of(first_run, second_run, samples), out)


@figures.command("sweep")
def draw_sweep(
    folder: Annotated[Path, typer.Argument(help="What `clickme gala sweep` was given as --out.")],
    out: PictureOption,
) -> None:
    """What the weight of maps does (paper, Fig. 7)."""
    with ready():
        from clickme_gala.figures.drawn import sweep_of
        from clickme_gala.sweep import read_points

        keep(sweep_of(read_points(folder)), out)


def keep(figure: Figure, out: Path) -> None:
    """Write it, and say where."""
    from clickme_gala.figures.style import save

    save(figure, out)
    for suffix in ("png", "svg"):
        typer.echo(f"{out}.{suffix}")


def recipe_of(*, reference: bool, **choices: Any) -> Recipe:
    """The paper's recipe, or the reference trainer's, with what was chosen otherwise."""
    from clickme_gala.recipe import Recipe

    begin = Recipe.as_reference if reference else Recipe
    return begin(**{name: value for name, value in choices.items() if value is not None})


@contextmanager
def ready() -> Iterator[None]:
    """With all there that GALA needs. Of the processes that torchrun starts all meet the same problem: the
    first says it.

    Problem `gala_missing`; `cannot_write` for an error of the disk.
    """
    needs = {"torch": "PyTorch", "tensorboard": "TensorBoard", "matplotlib": "matplotlib"}
    needs |= {"pycocotools": "pycocotools", "onnxscript": "ONNX Script"}
    if missing := [name for module, name in needs.items() if find_spec(module) is None]:
        message = f"GALA needs {' and '.join(missing)}: pip install 'clickme[gala]'"
        raise Problem("gala_missing", message)
    try:
        with writing():
            yield
    except Problem:
        if not first():
            sys.exit(1)
        raise


@contextmanager
def writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Problem(
            "cannot_write",
            f"{error.filename or 'A file'} cannot be read or written: {error.strerror or error}. "
            "Mend that, then run the same command again: what was finished is kept.",
        ) from None


def cores(workers: int | None) -> int:
    """As many processes as asked for; else one a core that this may use, less one."""
    if workers is not None:
        return workers
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(there // int(os.environ.get("LOCAL_WORLD_SIZE", "1")) - 1, 0)
