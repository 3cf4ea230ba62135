"""The command line: what people type, in words; each command's work is imported when it is asked for."""

import os
import sys
from getpass import getpass
from pathlib import Path
from typing import Annotated, Literal

import typer

from app.domain.errors import Refused, UserError
from app.domain.names import NAME
from app.eval.cli import register

app = typer.Typer(
    name="corrigent",
    help=f"{NAME} reviews every pull request: never a false green, exactly once, no fix without proof.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
)
setup = typer.Typer(help="Make the App or the tokens and write the settings.", no_args_is_help=True)
app.add_typer(setup, name="setup")

# Wrong use or configuration.
WRONG_USE = 2
INTERRUPTED = 130

Home = Annotated[Path | None, typer.Option(help="Where settings, database and mirrors are.", envvar="CORRIGENT_HOME")]


def _tell_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"{NAME} {version('corrigent')}")
        raise typer.Exit


@app.callback()
def corrigent(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """What may stand before a command."""


Port = Annotated[int | None, typer.Option(help="The port of the dashboard and of webhooks.")]


@app.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End when all was shown; exit 1 when something went wrong.")
    ] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Ask a real model, named by --model. Costs about $0.05.")
    ] = False,
    model: Annotated[str, typer.Option(help="With --live: provider:name; its key is in the environment.")] = "",
    require_fixes: Annotated[
        bool, typer.Option("--require-fixes", help="Exit 1 when fixes cannot be shown.", hidden=True)
    ] = False,
    port: Annotated[int, typer.Option(help="The dashboard's port; another one when it is taken.")] = 8377,
) -> None:
    """Show everything on this machine. No account, no key, nothing leaves it."""
    from app.demo.run import run_demo

    if live != bool(model):
        raise UserError("A real model is used with both: corrigent demo --live --model anthropic:NAME")
    leave(run_demo(once=once, model=model, port=port, require_fixes=require_fixes))


@app.command()
def review(
    target: Annotated[str, typer.Argument(help="A folder, or the address of a pull request.")] = ".",
    base: Annotated[str, typer.Option(help="What local work is compared with.")] = "",
    post: Annotated[bool, typer.Option("--post", help="Post it as a review in your name.")] = False,
    model: Annotated[str, typer.Option(help="provider:name, for example anthropic:NAME or ollama:NAME.")] = "",
    output: Annotated[
        Literal["text", "json", "sarif", "markdown"], typer.Option("--format", help="How to print it.")
    ] = "text",
    fail_on: Annotated[
        Literal["low", "medium", "high", "never"], typer.Option(help="Exit 1 from this severity on.")
    ] = "low",
) -> None:
    """Review local work, or any pull request by its address."""
    from app.reviewing.command import review_here

    leave(review_here(target, base=base, post=post, model=model, output=output, fail_on=fail_on))


@app.command()
def findings(
    address: Annotated[str, typer.Argument(help="The address of a pull or merge request.")],
    output: Annotated[
        Literal["prompt", "json", "sarif"], typer.Option("--format", help="How to print them.")
    ] = "prompt",
    fail_on: Annotated[
        Literal["low", "medium", "high", "never"], typer.Option(help="Exit 1 from this severity on.")
    ] = "low",
    home: Home = None,
    bot: Annotated[str, typer.Option(help="Read the forge, and only what this account wrote there.")] = "",
) -> None:
    """Print what the newest review left open. For a coding agent or a script; without a database, from the forge."""
    from app.reviewing.findings import tell_findings

    leave(tell_findings(address, output=output, fail_on=fail_on, home=home, bot=bot))


@setup.command("github")
def setup_github(
    host: Annotated[str, typer.Option(help="github.com, or the host of a GitHub Enterprise Server.")] = "github.com",
    url: Annotated[str, typer.Option(help="The public address that webhooks can reach; without one we poll.")] = "",
    org: Annotated[str, typer.Option(help="The organisation that will own the App; your account when left out.")] = "",
    fixes: Annotated[bool | None, typer.Option("--fixes/--review-only", help="May it write code as well?")] = None,
    merge_queue: Annotated[bool, typer.Option("--merge-queue", help="The check is required in a merge queue.")] = False,
    ca_file: Annotated[Path | None, typer.Option(help="PEM file of the authority of that host's certificate.")] = None,
    proxy: Annotated[str, typer.Option(help="The way to that host: http://proxy.example.com:3128.")] = "",
    port: Annotated[int, typer.Option(help="Where the page is opened on this machine.")] = 8377,
    home: Home = None,
) -> None:
    """Make the App in the browser and write the settings."""
    from app.setup.github import setup_github as run

    leave(
        run(
            host=host,
            url=url,
            organisation=org,
            fixes=fixes,
            merge_queue=merge_queue,
            ca_file=ca_file,
            proxy=proxy,
            port=port,
            home=home,
        )
    )


@setup.command("gitlab")
def setup_gitlab(
    host: Annotated[str, typer.Option(help="gitlab.com, or your own GitLab, its path included.")] = "gitlab.com",
    project: Annotated[str, typer.Option(help="GROUP/PROJECT; may be left out with a project's token.")] = "",
    group: Annotated[str, typer.Option(help="A group: its projects, and those that will be made in it.")] = "",
    token_file: Annotated[
        Path | None, typer.Option(help="A file with the bot's access token; asked for when left out.")
    ] = None,
    hook_token_file: Annotated[
        Path | None, typer.Option(help="A maintainer's token for making the webhook; used once, not kept.")
    ] = None,
    url: Annotated[str, typer.Option(help="The public address that webhooks can reach.")] = "",
    signing: Annotated[
        bool | None, typer.Option("--signing/--secret", help="GitLab signs deliveries, or sends a secret along.")
    ] = None,
    key: Annotated[str, typer.Option(help="The connection's name; one that is there is changed.")] = "",
    ca_file: Annotated[Path | None, typer.Option(help="PEM file of the authority of that host's certificate.")] = None,
    proxy: Annotated[str, typer.Option(help="The way to that host: http://proxy.example.com:3128.")] = "",
    home: Home = None,
) -> None:
    """Check a bot's token, make its webhook and write the settings."""
    from app.setup.gitlab import Wish
    from app.setup.gitlab import setup_gitlab as run

    wish = Wish(
        host=host,
        project=project,
        group=group,
        token_file=token_file,
        hook_token_file=hook_token_file,
        url=url,
        signing=signing,
        key=key,
        ca_file=ca_file,
        proxy=proxy,
        home=home,
    )
    leave(run(wish, getpass if sys.stdin.isatty() else None))


@setup.command("gateway")
def setup_gateway(
    names: Annotated[list[str], typer.Argument(help="The machines with sandboxes, as others reach them.")],
    home: Home = None,
) -> None:
    """Make certificates for workers on different machines. Those of llm and of sandbox show them to each other."""
    from app.setup.gateway import setup_gateway as run

    leave(run(names, home=home))


@app.command()
def up(port: Port = None, home: Home = None) -> None:
    """Run everything in one process, with its own Temporal and SQLite."""
    from app.up import run_parts

    leave(run_parts(("serve", "dispatch", "work"), port=port, home=home))


@app.command()
def doctor(
    part: Annotated[str, typer.Argument(help="One part only: settings, model, GitHub, …")] = "", home: Home = None
) -> None:
    """Check every part, one line each, with what to do next."""
    from app.doctor.run import run_doctor

    leave(run_doctor(part, home=home))


@app.command()
def backfill(
    last: Annotated[int, typer.Option(help="How many pull requests, newest first.", min=1)] = 10,
    repo: Annotated[str, typer.Option(help="OWNER/REPO; all repositories when left out.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask after showing the cost.")] = False,
    home: Home = None,
) -> None:
    """Review pull requests that were open before. The cost is shown first."""
    from app.backfill import run_backfill

    leave(run_backfill(last=last, repo=repo, yes=yes, home=home))


@app.command()
def config(
    repo: Annotated[str, typer.Argument(help="OWNER/REPO, or a folder with a .corrigent.yaml.")] = ".",
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of .corrigent.yaml.")] = False,
    home: Home = None,
) -> None:
    """Print the configuration in force and where each value came from."""
    from app.show_config import show_config

    leave(show_config(repo, schema=schema, home=home))


@app.command()
def measures(
    last: Annotated[str, typer.Option(help="How far back: 30d, 8w.")] = "30d",
    repo: Annotated[str, typer.Option(help="OWNER/REPO; all repositories when left out.")] = "",
    output: Annotated[Literal["table", "json"], typer.Option("--format", help="How to print it.")] = "table",
    home: Home = None,
) -> None:
    """Say what became of findings. Acted on, dismissed, escaped; what reviews took and cost."""
    from app.measures import run_measures

    leave(run_measures(last=last, repo=repo, as_json=output == "json", home=home))


@app.command(hidden=True)
def serve(port: Port = None, home: Home = None) -> None:
    """Webhooks and dashboard only, for a deployment of many machines."""
    from app.up import run_parts

    leave(run_parts(("serve",), port=port, home=home))


@app.command(hidden=True)
def dispatch(home: Home = None) -> None:
    """From the inbox to the workflows only."""
    from app.up import run_parts

    leave(run_parts(("dispatch",), port=None, home=home))


@app.command(hidden=True)
def work(
    queue: Annotated[
        list[str] | None,
        typer.Option(help="Only this one: control, llm or sandbox; may be given again. All when left out."),
    ] = None,
    home: Home = None,
) -> None:
    """The workers only."""
    from app.up import run_parts

    leave(run_parts(("work",), port=None, home=home, work_on=queue))


@app.command(hidden=True)
def migrate(home: Home = None) -> None:
    """Bring the database to this version's schema."""
    from app.up import run_migration

    leave(run_migration(home=home))


register(app)


def leave(code: int) -> None:
    raise typer.Exit(code)


def main() -> None:
    """The console script. Errors that are the user's to mend are one sentence."""
    _refuse_foreign_modules()
    code: int | str | None = 0
    try:
        app()
    except SystemExit as done:
        # Also how typer ends after it has told of a wrong option, with code 2.
        code = done.code
    except (UserError, Refused) as error:
        typer.echo(str(error), err=True)
        code = WRONG_USE
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.stdout.flush()
    sys.stderr.flush()
    if "temporalio" in sys.modules:
        # Its runtime aborts a third of short-lived interpreters at exit; everything of ours is closed by now.
        os._exit(code if isinstance(code, int) else int(code is not None))
    sys.exit(code)


def _refuse_foreign_modules() -> None:
    """`python -m app.cli` in somebody's repository would run that repository's code under our name."""
    ours = Path(__file__).resolve().parent.parent
    first = Path(sys.path[0] or ".").resolve()
    if first != ours and (first / "app").exists():
        sys.exit(f"{NAME} is started as `corrigent`; here {first} would be imported in its place.")
