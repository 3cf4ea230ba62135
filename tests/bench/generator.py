"""The process that sends: a task as one line of JSON in, the answers as JSON out; it stops early when its input ends."""

import asyncio
import json
import os
import random
import sys
import time
import uuid
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

# A forge gives up after this.
PATIENCE = 10.0


class BodyToSend(TypedDict):
    """As tests.bench.load describes it."""

    event: str
    file: str
    signature: str
    weight: int


class Task(TypedDict):
    """The line of JSON we are given."""

    url: str
    bodies: list[BodyToSend]
    rate: float
    seconds: float
    duplicates: float


@dataclass
class Connection:
    """Plain HTTP, kept open; no client library, which would cost more than the door that is measured."""

    host: str
    port: int
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, head: bytes, body: bytes) -> int:
        if self.streams is None:
            self.streams = await asyncio.open_connection(self.host, self.port)
        reader, writer = self.streams
        writer.writelines([head, body])
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (
                int(line.partition(b":")[2])
                for line in answer.lower().split(b"\r\n")
                if line.startswith(b"content-length")
            ),
            0,
        )
        await reader.readexactly(length)
        return int(answer.split(b" ", 2)[1])

    def close(self) -> None:
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None


@dataclass
class Sending:
    """Everything that was sent so far, and what came back."""

    host: str
    port: int
    path: str
    idle: list[Connection] = field(default_factory=list[Connection])
    seconds: list[float] = field(default_factory=list[float])
    statuses: Counter[str] = field(default_factory=Counter[str])
    acknowledged: list[str] = field(default_factory=list[str])

    async def send(self, head: str, body: bytes, delivery_id: str, due: float) -> None:
        connection = self.idle.pop() if self.idle else Connection(self.host, self.port)
        lines = f"POST {self.path} HTTP/1.1\r\nHost: {self.host}\r\n{head}X-GitHub-Delivery: {delivery_id}\r\n\r\n"
        try:
            async with asyncio.timeout(PATIENCE):
                status = str(await connection.post(lines.encode(), body))
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            connection.close()
            status = type(error).__name__
        else:
            self.idle.append(connection)
        self.seconds.append(time.monotonic() - due)
        self.statuses[status] += 1
        if status.startswith("2"):
            self.acknowledged.append(delivery_id)


async def run(task: Task, enough: asyncio.Event) -> dict[str, object]:
    """Every request leaves when it is due, also while earlier ones still wait for their answers."""
    address = urlsplit(task["url"])
    sending = Sending(str(address.hostname), int(address.port or 80), address.path)
    bodies = [_prepared(body) for body in task["bodies"]]
    weights = [weight for _, _, weight in bodies]
    dice, recent = random.Random(1), [str(uuid.uuid4())]
    rate, count = task["rate"], int(task["rate"] * task["seconds"])
    began, running = time.monotonic() + 0.1, set[asyncio.Task[None]]()
    for number in range(count):
        due = began + number / rate
        if await _is_set_within(enough, due - time.monotonic()):
            break
        again = dice.random() < task["duplicates"]
        delivery_id = dice.choice(recent) if again else str(uuid.UUID(int=dice.getrandbits(128)))
        recent = [*recent[-50:], delivery_id]
        head, body, _ = dice.choices(bodies, weights)[0]
        sent = asyncio.create_task(sending.send(head, body, delivery_id, due))
        running.add(sent)
        sent.add_done_callback(running.discard)
    await asyncio.gather(*running)
    return {
        "statuses": sending.statuses,
        "seconds": sending.seconds,
        "acknowledged": sending.acknowledged,
        "cpu": time.process_time(),
    }


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    if seconds <= 0:
        return event.is_set()
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


def _prepared(body: BodyToSend) -> tuple[str, bytes, int]:
    data = Path(body["file"]).read_bytes()
    head = (
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\nX-GitHub-Event: {body['event']}\r\n"
        f"X-Hub-Signature-256: {body['signature']}\r\n"
    )
    return head, data, body["weight"]


async def main(task: Task) -> dict[str, object]:
    loop, enough, end = asyncio.get_running_loop(), asyncio.Event(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(end), sys.stdin)
    watching = loop.create_task(end.read())
    watching.add_done_callback(lambda _: enough.set())
    try:
        return await run(task, enough)
    finally:
        watching.cancel()


def come_first() -> None:
    """Who sends stands for machines elsewhere: what it waits for a processor is nobody's answer. Only root may."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)


if __name__ == "__main__":
    come_first()
    # Unbuffered: the end of the input is waited for on the descriptor itself.
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as given:
        wanted: Task = json.loads(given.readline())
    sys.stdout.write(json.dumps(asyncio.run(main(wanted))))
