"""Finds slash commands in a text as GitLab does, and says which: whoever lets one through will see it carried out."""

import re

# What works on a merge request, by every name it goes by.
WORDS = (
    *("approve", "unapprove", "request_changes", "submit_review", "merge", "ship", "rebase", "close", "reopen"),
    *("assign", "reassign", "unassign", "remove_assignee", "assign_reviewer", "reviewer", "request_review"),
    *("reassign_reviewer", "unassign_reviewer", "remove_reviewer", "label", "labels", "unlabel", "remove_label"),
    *("relabel", "milestone", "remove_milestone", "clear_milestone", "title", "target_branch", "draft", "ready"),
    *("wip", "lock", "unlock", "subscribe", "unsubscribe", "todo", "done", "react", "award", "copy_metadata", "cc"),
    *("copy_metadata_from_issue", "estimate", "estimate_time", "remove_estimate", "remove_time_estimate", "spend"),
    *("spent", "spend_time", "remove_time_spent", "shrug", "tableflip", "confidential", "due", "remove_due_date"),
    *("weight", "clear_weight", "epic", "remove_epic", "iteration", "move", "clone", "duplicate", "q", "zoom"),
    "create_merge_request",
    *("promote", "promote_to", "relate", "unlink", "severity", "page", "health_status", "invite_email", "q"),
)
# Text in which nothing is a command, in the order in which GitLab looks for it: fenced code, code that begins and ends
# with a backtick, an HTML block, a quote block. Fences of tildes, indented code and lists protect nothing.
_PROTECTED = (
    r"^```.+?\n```$",
    r"^.*`\n*.+?\n*`$",
    r"^<[^>]+?>\n.+?\n</[^>]+?>$",
    r"^>>>.+?\n>>>$",
)
_COMMAND = rf"^/(?P<word>{'|'.join(WORDS)})(?: (?P<argument>[^\n]*))?(?:\s*\n|$)"
_ANY = re.compile(
    "|".join([*(f"(?:{part})" for part in _PROTECTED), _COMMAND]), re.MULTILINE | re.DOTALL | re.IGNORECASE
)
_POSSIBLE = re.compile(_COMMAND, re.MULTILINE | re.IGNORECASE)


def extract(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The text without its commands, and the commands as (word, argument)."""
    text = text.replace("\r", "")
    # The patterns above are slow on long texts, and nearly every text has no line that could be a command.
    if _POSSIBLE.search(text) is None:
        return text.rstrip(), []
    found: list[tuple[str, str]] = []

    def take(match: re.Match[str]) -> str:
        if match["word"] is None:
            return match[0]
        found.append((match["word"].lower(), (match["argument"] or "").strip()))
        return ""

    return _ANY.sub(take, text).rstrip(), found
