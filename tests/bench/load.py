"""The load: a generator in a process of its own, which keeps its pace whatever the answers do."""

import asyncio
import hashlib
import hmac
import json
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from app.domain.model import Frozen
from tests.bench.figures import percentile
from tests.bench.world import World

BODY_BYTES = 25_000
# As much as a forge sends at all.
LARGEST_BYTES = 25_000_000


@dataclass(frozen=True)
class Traffic:
    """`duplicates` is the share of deliveries that come a second time, with their first id."""

    rate: float
    seconds: float
    duplicates: float = 0.1


@dataclass(frozen=True)
class Body:
    """What is sent again and again, each time under a new delivery id; `weight` is how often beside the others."""

    event: str
    file: str
    signature: str
    weight: int = 1


class Answers(Frozen):
    """What came back; seconds from the moment at which a request was due, not from when it could be sent."""

    statuses: dict[str, int]
    seconds: list[float]
    acknowledged: set[str]
    # Of the generator itself.
    cpu: float

    @property
    def p99(self) -> float:
        return percentile(self.seconds, 0.99)

    @property
    def not_2xx(self) -> int:
        return sum(count for status, count in self.statuses.items() if not status.startswith("2"))


@dataclass
class Load:
    """Sends these bodies to this door."""

    url: str
    bodies: Sequence[Body]
    answers: list[Answers] = field(default_factory=list[Answers])

    async def send(self, traffic: Traffic) -> Answers:
        async with self.sending(traffic, to_the_end=True) as answers:
            pass
        return await answers

    @asynccontextmanager
    async def sending(self, traffic: Traffic, *, to_the_end: bool = False) -> AsyncGenerator["asyncio.Future[Answers]"]:
        """Traffic while this is entered; the answers are there after it was left."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.generator"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        task = {"url": self.url, "bodies": [asdict(body) for body in self.bodies], **asdict(traffic)}
        process.stdin.write(json.dumps(task).encode() + b"\n")
        await process.stdin.drain()
        answers: asyncio.Future[Answers] = asyncio.get_running_loop().create_future()
        try:
            yield answers
        finally:
            if not to_the_end:
                # The end of its input is how it learns that it was enough.
                process.stdin.close()
            told = await process.stdout.read()
            await process.wait()
            answers.set_result(Answers.model_validate_json(told))


def chatter(made: World, folder: Path, *, weight: int = 1) -> Body:
    """What a busy forge sends most: a comment that is not for us."""
    return _body(folder, "issue_comment", _comment(made), made.credentials.webhook_secret, weight=weight)


def large_chatter(made: World, folder: Path) -> Body:
    """The same with as many commits as it may hold, which have to be parsed to see that it is not for us."""
    commit = {"id": "0" * 40, "message": "Mend what the last one broke", "added": [], "modified": ["src/app.py"]}
    commits = [commit] * (LARGEST_BYTES // len(json.dumps(commit) + ", "))
    return _body(folder, "issue_comment", {**_comment(made), "commits": commits}, made.credentials.webhook_secret)


def _comment(made: World) -> dict[str, object]:
    told = next(one for one in made.forge.deliveries if one.event == "pull_request")
    return {
        "action": "created",
        "installation": {"id": made.credentials.installation_id},
        "repository": told.payload["repository"],
        "sender": told.payload["sender"],
        "issue": {"number": 1, "pull_request": {"url": ""}},
        "comment": {"id": 1, "body": "I think so too."},
    }


def traffic_like(made: World, folder: Path) -> list[Body]:
    """Nine in ten are chatter, the tenth is a push to one of the pull requests."""
    pushes = [one for one in made.forge.deliveries if one.event == "pull_request"]
    secret = made.credentials.webhook_secret
    return [
        chatter(made, folder, weight=9 * len(pushes)),
        *(_body(folder, "pull_request", {**one.payload, "action": "synchronize"}, secret) for one in pushes),
    ]


def _body(folder: Path, event: str, payload: dict[str, object], secret: str, *, weight: int = 1) -> Body:
    text = json.dumps(payload)
    padded = json.dumps({**payload, "padding": "x" * max(0, BODY_BYTES - len(text) - 16)}).encode()
    signature = "sha256=" + hmac.new(secret.encode(), padded, hashlib.sha256).hexdigest()
    file = folder / f"{hashlib.sha256(padded).hexdigest()}.json"
    file.write_bytes(padded)
    return Body(event=event, file=str(file), signature=signature, weight=weight)
