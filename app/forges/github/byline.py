"""Which comments are ours: our marker can be typed by anybody, our byline cannot."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Byline:
    """The name over our words: an App's slug, or a person's login."""

    login: str
    is_bot: bool

    def wrote(self, login: str, kind: str) -> bool:
        """`kind` is GitHub's word: Bot, User, …; an App's login ends in "[bot]" in REST and is bare in GraphQL."""
        if (kind == "Bot") != self.is_bot or not self.login:
            return False
        return login.lower().removesuffix("[bot]" if self.is_bot else "") == self.login.lower()
