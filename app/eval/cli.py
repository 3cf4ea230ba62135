"""The words of `corrigent eval` and `corrigent estimate`; their work is imported when it is asked for."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(name="eval")(evaluate)
    app.command(name="estimate")(estimate)


def evaluate(
    parts: Annotated[
        list[str] | None,
        typer.Argument(
            help="theory, harness, replay, anchors, context, drawn, convergence, bugs; all when none is named."
        ),
    ] = None,
    data: Annotated[
        Path, typer.Option(help="The folder of the recorded changes.", envvar="CORRIGENT_EVAL_DATA")
    ] = Path("eval"),
    model: Annotated[str, typer.Option(help="provider:name; without one linters review alone.")] = "",
    judge: Annotated[str, typer.Option(help="A model that says which finding tells of which bug.")] = "",
    effort: Annotated[
        Literal["low", "normal", "high"], typer.Option(help="How much a model review may do.")
    ] = "normal",
    sets: Annotated[
        str, typer.Option(help="Of mined_szz, bugsinpy, mined_fix, clean, experts, with commas; all when left out.")
    ] = "",
    limit: Annotated[int, typer.Option(help="At most so many changes of each set; 0 for all.", min=0)] = 0,
    jobs: Annotated[int, typer.Option(help="Reviews at once.", min=1)] = 2,
    budget: Annotated[float, typer.Option(help="Dollars for all reviews together.", min=0)] = 20.0,
    results: Annotated[
        Path, typer.Option(help="Where rows and reports are kept; the same folder again goes on.")
    ] = Path("corrigent-eval"),
    compare: Annotated[Path | None, typer.Option(help="The results of an earlier run, to compare with.")] = None,
    clone: Annotated[Path, typer.Option(help="A clone whose history is pushed again, for convergence.")] = Path(),
    what_if: Annotated[
        Path | None, typer.Option(help="A clone: review its last merged changes again. Nothing is posted.")
    ] = None,
    last: Annotated[int, typer.Option(help="With --what-if: how many changes.", min=1)] = 20,
    output: Annotated[Literal["text", "json"], typer.Option("--format", help="How to print it.")] = "text",
    quick: Annotated[bool, typer.Option("--quick", help="A part of everything: shows that it works.")] = False,
) -> None:
    """Measure how good reviews are. On recorded bugs, experts' comments and other tools' outputs."""
    from app.eval.asked import PARTS, Asked
    from app.eval.command import run_eval

    asked = Asked(
        parts=parts or PARTS,
        data=data,
        model=model,
        judge=judge,
        effort=effort,
        sets=[name.strip() for name in sets.split(",") if name.strip()],
        limit=limit,
        jobs=jobs,
        budget=budget,
        results=results,
        compare=compare,
        clone=clone,
        what_if=what_if,
        last=last,
        output=output,
        quick=quick,
    )
    raise typer.Exit(run_eval(asked))


def estimate(
    folder: Annotated[Path, typer.Argument(help="A clone of the repository.")] = Path(),
    last: Annotated[str, typer.Option(help="How far back: 30d, 8w.")] = "30d",
    model: Annotated[str, typer.Option(help="provider:name; the usual ones when left out.")] = "",
    effort: Annotated[Literal["low", "normal", "high"], typer.Option(help="How much a model may do.")] = "normal",
) -> None:
    """Say what reviewing the last weeks would have cost. Nothing is sent anywhere."""
    from app.eval.estimate import run_estimate

    raise typer.Exit(run_estimate(folder, last=last, model=model, effort=effort))
