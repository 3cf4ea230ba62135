"""What Corrigent answers to a command when an emoji does not say enough: result, reason, next step."""

from collections.abc import Sequence
from datetime import datetime

from app.domain.findings import TrackedFinding
from app.domain.markdown import clean, clean_line, code
from app.domain.markers import action_marker
from app.domain.phrases import Voice, and_list, dollars, sentence
from app.domain.pull_request import Permission
from app.domain.talk import Judgement

NOTHING_DONE = "Nothing was done."


def marked(text: str, action_key: str) -> str:
    """The answer with the mark by which an earlier try of the same answer is found."""
    return f"{text}\n\n{action_marker(action_key)}"


def permission_needed(word: str, needed: Permission, repo_name: str, login: str, has: Permission) -> str:
    can = "has no access" if has is Permission.NONE else f"can {has}"
    return f"`{word}` needs {needed} access to {clean_line(repo_name)}; {clean_line(login)} {can}. {NOTHING_DONE}"


def unknown_word(word: str, nearest: str, voice: Voice) -> str:
    """`nearest` is what to type instead, with the number that was given; empty when nothing is near."""
    guess = f" Did you mean {code(nearest)}?" if nearest else ""
    return f"I do not know {code(word[:40])}.{guess} All words: {voice.command('help')}"


def usage(word: str, problem: str, example: str, voice: Voice) -> str:
    """`problem` is a phrase that fits after the word: "needs the number of a finding"."""
    return f"`{word}` {problem}: {voice.command(example)}. {NOTHING_DONE}"


def no_such_finding(number: int, open_numbers: Sequence[int]) -> str:
    listed = and_list([str(known) for known in open_numbers])
    there = f"Open here: {listed}." if listed else "None is open here."
    return f"There is no open finding {number} on this pull request. {there} {NOTHING_DONE}"


def second_person_needed(numbers: Sequence[int], author: str) -> str:
    listed = and_list([str(number) for number in numbers])
    which, blocks = ("finding", "blocks") if len(numbers) == 1 else ("findings", "block")
    return (
        f"{which.capitalize()} {listed} {blocks} this check and {clean_line(author)} opened the pull request: "
        f"somebody else with write access has to dismiss it. {NOTHING_DONE}"
    )


def budget_spent(repo_name: str, limit: float, resumes_at: datetime) -> str:
    """For the budget of a day; the review is not lost, it waits."""
    return (
        f"Today's budget for {clean_line(repo_name)} ({dollars(limit)}) is spent. This review goes on at "
        f"{resumes_at:%H:%M} UTC, or a maintainer raises `budget.day`."
    )


def pull_request_budget_spent(limit: float) -> str:
    return (
        f"This pull request's budget ({dollars(limit)}) is spent. The review goes on when a maintainer raises "
        f"`budget.pull_request`."
    )


def withdrawn(reason: str, voice: Voice) -> str:
    """`reason` is a clause: "api/guard.py:30 rejects that value first"."""
    clause = clean_line(reason, hosts=voice.link_hosts).rstrip(".")
    return f"You are right, {clause}. Withdrawn, and not raised again."


def right_but_blocking(reason: str, number: int, voice: Voice) -> str:
    """In a gate a finding that blocks is not talked away: somebody who may has to close it."""
    clause = clean_line(reason, hosts=voice.link_hosts).rstrip(".")
    return (
        f"You are right, {clause}. Finding {number} blocks this check, so somebody else with write access closes it: "
        f"{voice.command(f'dismiss {number} wrong')}."
    )


def answered(judgement: Judgement, voice: Voice) -> str:
    """The answer, and the code that shows it."""
    seen = and_list([code(str(place)) for place in judgement.shown[:4]])
    return f"{clean(judgement.text, hosts=voice.link_hosts)}\n\nSee {seen}."


def not_answered(reason: str) -> str:
    """`reason` is a clause or a sentence: "the model refused"."""
    return f"No answer: {sentence(clean_line(reason))} The finding stays as it is."


def fixed_in(head_sha: str) -> str:
    """What a mended thread's comment gains where the App may not resolve it."""
    return f"Fixed in {head_sha[:7]}."


def nothing_to_stop() -> str:
    return f"Nothing is running on this pull request. {NOTHING_DONE}"


def nothing_to_mend() -> str:
    return f"No finding is open on this pull request. {NOTHING_DONE}"


def fixes_locked() -> str:
    return f"Fixes are turned off here: this installation's operator has locked `autofix: off`. {NOTHING_DONE}"


def failed(sentence_for_user: str) -> str:
    """A UserError or a refusal in the words it came with."""
    return f"{sentence(clean_line(sentence_for_user))} {NOTHING_DONE}"


def finding_line(tracked: TrackedFinding) -> str:
    """One open finding in a list: number, severity, title, place."""
    title = clean_line(tracked.finding.title)
    return f"{tracked.number} {tracked.finding.severity.title()} · {title} {code(tracked.where)}"
