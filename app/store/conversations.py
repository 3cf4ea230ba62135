"""Conversations in the blob store: each message is a blob that names its parent, so a head's key is the whole of it."""

import asyncio
from dataclasses import dataclass

from app.domain.conversation import Message
from app.domain.model import Frozen
from app.store.blobs import Blobs

# Every so many messages one also names its nearest ancestors: reading a long conversation from a bucket then takes a
# few rounds and not one a message.
_STRIDE = 32


class Link(Frozen):
    """A message and where it hangs. The same message at the same place is the same blob."""

    parent: str
    index: int
    # Keys of the `_STRIDE` links before this one, oldest first; empty except at every `_STRIDE`th.
    trail: tuple[str, ...] = ()
    message: Message


@dataclass(frozen=True)
class Conversation:
    """Messages with their keys, oldest first; the last key is the head."""

    keys: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()

    @property
    def head(self) -> str:
        return self.keys[-1] if self.keys else ""


class Conversations:
    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def append(self, conversation: Conversation, message: Message) -> Conversation:
        """The conversation with one message more; it is stored when this returns."""
        index = len(conversation.keys)
        trail = conversation.keys[-_STRIDE:] if index and index % _STRIDE == 0 else ()
        link = Link(parent=conversation.head, index=index, trail=trail, message=message)
        key = await self._blobs.put_model(link)
        return Conversation((*conversation.keys, key), (*conversation.messages, message))

    async def read(self, head: str) -> Conversation:
        """All of it. FileNotFoundError when a part is no longer there."""
        backwards: list[tuple[str, Link]] = []
        key = head
        while key:
            link = await self._link(key)
            backwards.append((key, link))
            key = link.parent
            if link.trail:
                links = await asyncio.gather(*map(self._link, link.trail))
                backwards += reversed(tuple(zip(link.trail, links, strict=True)))
                key = links[0].parent
        backwards.reverse()
        return Conversation(tuple(key for key, _ in backwards), tuple(link.message for _, link in backwards))

    async def _link(self, key: str) -> Link:
        return await self._blobs.get_model(key, Link)
