"""The limits of a forge for one short-lived process: it sends little, and stops when the forge says so."""

from datetime import UTC, datetime

from app.domain.errors import RateLimited
from app.forges.base import Account, LimitNotice


class OneProcessLimits:
    """Satisfies app.forges.base.Limits without a store."""

    def __init__(self) -> None:
        self._told: dict[Account, LimitNotice] = {}

    async def admit(self, account: Account, *, points: int, creates_content: bool) -> None:
        del points, creates_content  # One review is far below every limit.
        told = self._told.get(account)
        if told and told.until and told.kind != "headers" and told.until > datetime.now(UTC):
            raise RateLimited(told.until, told.kind)

    async def learn(self, account: Account, notice: LimitNotice) -> None:
        if notice.kind != "headers":
            self._told[account] = notice
