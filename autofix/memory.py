"""What an agent has said and done so far: written down message by message, before anything is built on it."""

from app.domain.agents import Spending
from app.domain.conversation import Answered, Message, Opening, current
from app.store.conversations import Conversation
from autofix.base import ChunkStart, Parts


class StoppedError(Exception):
    """The agent was ended by somebody while it worked."""


class Memory:
    """The conversation and what it has cost, never ahead of the store."""

    def __init__(self, start: ChunkStart, parts: Parts) -> None:
        self._parts = parts
        self._head = start.agent.conversation
        self._conversation = Conversation()
        self._since = parts.clock()
        self.spent: Spending = start.agent.spent

    async def recall(self) -> None:
        self._conversation = await self._parts.conversations.read(self._head)
        await self._parts.live.rewind(self._head)

    @property
    def whole(self) -> tuple[Message, ...]:
        return self._conversation.messages

    @property
    def messages(self) -> tuple[Message, ...]:
        """Of the conversation that goes on now: a sub-agent's while there is one."""
        return current(self._conversation.messages)

    @property
    def sub_call_id(self) -> str:
        """The call that the sub-agent works for; empty when the agent itself is at work."""
        match self.messages:
            case (Opening(for_call=for_call), *_):
                return for_call
            case _:
                return ""

    @property
    def answers(self) -> int:
        """How many answers of the model there are: with it, each call has a name of its own."""
        return sum(isinstance(message, Answered) for message in self.whole)

    async def add(self, message: Message, spent: Spending | None = None) -> None:
        """Stored, then known to the agent's row, then shown. Raises StoppedError when the agent was ended."""
        now = self._parts.clock()
        spent = spent or self.spent
        self.spent = spent.model_copy(update={"seconds": spent.seconds + now - self._since})
        self._since = now
        after = self._head
        self._conversation = await self._parts.conversations.append(self._conversation, message)
        self._head = self._conversation.head
        if not await self._parts.journal.advance(after=after, head=self._head, spent=self.spent):
            raise StoppedError
        await self._parts.live.mark(self._head)

    @property
    def seconds_running(self) -> float:
        """Since the last message, which is not yet in `spent`."""
        return self._parts.clock() - self._since
