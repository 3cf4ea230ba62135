"""What an agent says to people besides its fix: a question, an answer, the end of a wait."""

from datetime import datetime

from app.domain.markdown import clean
from app.domain.phrases import Voice

_LONGEST = 4_000


def question_text(question: str, until: datetime, voice: Voice, *, in_thread: bool) -> str:
    """The agent's question and how long it waits; nothing runs meanwhile."""
    how = "Reply here" if in_thread else f"Answer with {voice.command('agent TEXT')}"
    return (
        f"**The agent asks**\n\n{clean(question, hosts=voice.link_hosts, limit=_LONGEST)}\n\n"
        f"{how} until {until:%Y-%m-%d %H:%M} UTC; then it goes on. Nothing runs while it waits."
    )


def unanswered() -> str:
    return "nobody answered its question in time"


def answer_text(answer: str, voice: Voice) -> str:
    """What the agent found out where no change was asked for."""
    return clean(answer, hosts=voice.link_hosts, limit=_LONGEST)
