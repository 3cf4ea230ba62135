"""What is said of a fix: shown with its proof, pushed, refused, or why there is none."""

from collections.abc import Sequence

from app.domain.fixes import ChangedFile, Comparison, Fix, Proof
from app.domain.markdown import cell, clean_line, code, fenced
from app.domain.model import Frozen
from app.domain.phrases import Voice, and_list, count, dollars, sentence, short

NOTHING_PUSHED = "Nothing was pushed."
# How many rows of the proof, and how many files, does a comment name before it only counts?
_ROWS = 8
_FILES = 6
# A change of more lines is read on a branch, not in a comment.
_DIFF_LINES = 60
_CELL = 60


class Whereabouts(Frozen):
    """Where a fix is now, and how somebody gets it."""

    # Its commit, where it was pushed to the pull request's own branch.
    pushed_sha: str = ""
    # Our branch with it.
    branch: str = ""
    # The change itself, where it is on no branch.
    diff: str = ""
    # Why it is not where it was asked for; a sentence.
    refusal: str = ""


def fix_text(fix: Fix, where: Whereabouts, *, head_sha: str, asked_by: str, voice: Voice) -> str:
    """A fix with its grade and its proof, as a comment; never more certain than the proof is."""
    parts = (
        _heading(fix, where),
        _why_checked(fix.proof),
        _table(fix.proof, head_sha),
        sentence(_capital(clean_line(where.refusal))),
        _next_step(fix, where, voice),
        _change(where),
        f"<sub>{_footer(fix, asked_by, where, voice)}</sub>",
    )
    return "\n\n".join(part for part in parts if part)


def no_fix(
    numbers: Sequence[int], reason: str, voice: Voice, *, tries: int, most_tries: int, in_thread: bool, agent_id: str
) -> str:
    """`reason` is a clause that names the step which failed: "test_rates_expire fails with it"."""
    log = f" ([log]({voice.public_url}/agents/{agent_id}))" if voice.public_url else ""
    said = f"No fix for {findings(numbers)}: {clean_line(reason).rstrip('.')}{log}. {NOTHING_PUSHED}"
    return f"{said} {_try_again(numbers, voice, tries=tries, most_tries=most_tries, in_thread=in_thread)}"


def tries_are_used(numbers: Sequence[int], voice: Voice, *, most_tries: int) -> str:
    """To a hint after the last try."""
    used = f"({most_tries} of {most_tries} used)"
    begins = f"{voice.command(f'fix {_typed(numbers)} HINT')} begins anew."
    return f"No further try is made for {findings(numbers)} {used}. {NOTHING_PUSHED} {begins}"


def no_sandbox(reason: str) -> str:
    """`reason` is a sentence: "No sandbox can be used on this machine. bubblewrap: bwrap is not installed"."""
    return (
        f"No fix was tried. {sentence(clean_line(reason))} Reviews go on, and nothing runs outside of a sandbox; "
        f"the operator sees more with `corrigent doctor`."
    )


def no_model(numbers: Sequence[int], reason: str) -> str:
    """`reason` is a clause that says why no model was asked, with what would change that."""
    if not numbers:
        return f"Nothing was done: {clean_line(reason).rstrip('.')}."
    why = clean_line(reason).rstrip(".")
    return f"No fix for {findings(numbers)}: no analyser has a safe one, and {why}. {NOTHING_PUSHED}"


def no_model_configured() -> str:
    return "no model is configured (`model` in the operator's settings)"


def money_is_spent(key: str, limit: float) -> str:
    """`key` is of the repository's configuration ("budget.day"), or of the operator's settings."""
    who = "a maintainer" if key.startswith("budget.") else "the operator"
    return f"what may be spent ({dollars(limit)}) is spent; {who} raises `{key}`"


def agent_failed(reason: str) -> str:
    """An end that no hint would change; `reason` is a clause."""
    return f"The agent could not finish: {clean_line(reason).rstrip('.')}. {NOTHING_PUSHED}"


def already_mended(numbers: Sequence[int]) -> str:
    verb = "is" if len(numbers) == 1 else "are"
    return f"{findings(numbers).capitalize()} {verb} no longer open here. Nothing was done."


def branch_moved(head_sha: str, now_sha: str, numbers: Sequence[int], voice: Voice) -> str:
    """Said when a commit came between the proof and the push."""
    again = voice.command(f"apply {_typed(numbers)}")
    return (
        f"This branch moved to {short(now_sha)} while the fix was proved on {short(head_sha)}. {NOTHING_PUSHED} "
        f"{again} proves it anew."
    )


def findings(numbers: Sequence[int]) -> str:
    """`finding 1`, `findings 1 and 3`; `this task` where it is about none."""
    if not numbers:
        return "this task"
    return f"{'finding' if len(numbers) == 1 else 'findings'} {and_list([str(number) for number in numbers])}"


def _heading(fix: Fix, where: Whereabouts) -> str:
    what = findings(fix.numbers).capitalize()
    verb = "is" if len(fix.numbers) <= 1 else "are"
    mended = f"{what} {verb} mended" if fix.numbers else "Done"
    grade = "proved" if fix.proof.grade == "proved" else "checked, not proved"
    pushed = f": {short(where.pushed_sha)} is on this branch" if where.pushed_sha else ""
    by_rule = ", the analyser's own fix" if fix.made_by == "rule" else ""
    return f"**{mended} and {grade}{pushed}.** {_files(fix)}{by_rule}"


def _why_checked(proof: Proof) -> str:
    if proof.grade != "checked" or not proof.reason:
        return ""
    return sentence(f"Not proved, because {clean_line(proof.reason)}")


def _files(fix: Fix) -> str:
    files = fix.patch.files if fix.patch else ()
    named = ", ".join(_file(file) for file in files[:_FILES])
    return f"{named} and {count(len(files) - _FILES, 'more file')}" if len(files) > _FILES else named


def _file(file: ChangedFile) -> str:
    counts = [f"+{file.added}" if file.added else "", f"−{file.removed}" if file.removed else ""]
    return " ".join([*(part for part in counts if part), code(file.path)])


def _table(proof: Proof, head_sha: str) -> str:
    rows = [_row(row) for row in proof.comparisons[:_ROWS]]
    if len(proof.comparisons) > _ROWS:
        rows.append(f"| and {len(proof.comparisons) - _ROWS} more | | |")
    return "\n".join((f"| | before, {short(head_sha)} | after |", "|---|---|---|", *rows)) if rows else ""


def _row(row: Comparison) -> str:
    new = " (new)" if row.is_new else ""
    after = clean_line(row.after, limit=_CELL)
    return (
        f"| {cell(_what(row.what))}{new} | {cell(clean_line(row.before, limit=_CELL))} "
        f"| {cell(after if row.held else f'**{after}**')} |"
    )


def _what(what: str) -> str:
    """A command stands in code; a phrase of ours stands as it is, with the command behind its comma."""
    phrase, comma, command = what.partition(", ")
    if phrase in {"the repository's checks", "the repository's linter"}:
        return f"{phrase}, {code(command)}" if comma else phrase
    return clean_line(what) if what.startswith(("finding ", "findings ", "nothing new")) else code(what)


def _next_step(fix: Fix, where: Whereabouts, voice: Voice) -> str:
    if where.pushed_sha:
        return "`git pull` gets it."
    if where.refusal:
        return "By hand: save the change to a file, then `git apply FILE`." if where.diff else ""
    number = _typed(fix.numbers)
    steps = [f"{voice.command(f'apply {number}')} puts it on this branch (then `git pull`)"] if number else []
    if where.branch:
        steps.append(f"by hand: {code(f'git fetch origin {where.branch} && git cherry-pick FETCH_HEAD')}")
    return " · ".join(steps)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _typed(numbers: Sequence[int]) -> str:
    """As somebody types them."""
    return ", ".join(str(number) for number in numbers)


def _change(where: Whereabouts) -> str:
    lines = where.diff.splitlines()
    if not lines or len(lines) > _DIFF_LINES or where.pushed_sha or where.branch:
        return ""
    return f"<details><summary>The change</summary>\n\n{fenced(where.diff.rstrip(), 'diff')}\n\n</details>"


def _footer(fix: Fix, asked_by: str, where: Whereabouts, voice: Voice) -> str:
    parts = [f"Asked by {clean_line(asked_by)}" if asked_by else "Made unasked, as `autofix` is set"]
    if voice.public_url:
        parts.append(f"[log and recording]({voice.public_url}/agents/{fix.agent_id})")
    if fix.proof.sandbox:
        parts.append(f"in {clean_line(fix.proof.sandbox)}")
    if where.branch:
        parts.append("the branch goes when this pull request closes")
    return " · ".join(parts)


def _try_again(numbers: Sequence[int], voice: Voice, *, tries: int, most_tries: int, in_thread: bool) -> str:
    used = f"({tries} of {most_tries} used)"
    if tries >= most_tries:
        return f"No further try is made {used}."
    if in_thread:
        return f"Reply with a hint and I try again {used}."
    words = f"fix {_typed(numbers)} HINT" if numbers else "agent TEXT"
    return f"{voice.command(words)} tries again {used}."
