"""GitLab's deliveries: tried again when they fail, and hooks that fail too often are switched off for a while."""

import asyncio
import base64
import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Literal, cast

from typing_extensions import override

from app.forges.fake.gitlab.entities import Hook, Project
from app.forges.fake.outbox import LARGEST_PAYLOAD, Outbox, Outgoing

if TYPE_CHECKING:
    from app.forges.fake.gitlab.state import GitLabState

# After so many failures in a row a hook is switched off: for a minute, then for twice as long each time.
FAILURES_UNTIL_PAUSE = 4
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(days=1)
# After so many it stays off until somebody tests it by hand.
FAILURES_UNTIL_OFF = 40

# The kinds of event: the field that switches each on, and the name in `X-Gitlab-Event`.
EVENT_NAMES = {
    "push_events": "Push Hook",
    "merge_requests_events": "Merge Request Hook",
    "note_events": "Note Hook",
    "confidential_note_events": "Confidential Note Hook",
    "emoji_events": "Emoji Hook",
    "pipeline_events": "Pipeline Hook",
    "tag_push_events": "Tag Push Hook",
    "issues_events": "Issue Hook",
    "resource_access_token_events": "Resource Access Token Hook",
    "project_events": "Project Hook",
}


@dataclass(eq=False, kw_only=True)
class Delivery(Outgoing):
    """One attempt; `guid` is the Idempotency-Key, which further attempts share."""

    hook: Hook

    @property
    def payload(self) -> dict[str, object]:
        return cast("dict[str, object]", json.loads(self.text))

    @property
    @override
    def url(self) -> str:
        return self.hook.url


class Hooks(Outbox[Delivery]):
    """The deliveries of every project and group."""

    def __init__(self, gitlab: "GitLabState") -> None:
        # The clock is asked of the state when needed: it is made after this.
        super().__init__(gitlab.clock)
        self._gitlab = gitlab
        self._ids = count(9_000_001)
        # gitlab.com switches failing hooks off, a self-managed server only when it is told to.
        self.auto_disable = True
        # How often a delivery that failed is tried again by itself, and how soon.
        self.retries = 0
        self.retry_after = timedelta()

    def announce(self, project: Project, event: str, payload: dict[str, object], action: str | None) -> None:
        """Tell every hook of the project and of the groups above it that wants this kind of event."""
        hooks = [*project.hooks, *(hook for group in project.namespace.lineage() for hook in group.hooks)]
        for hook in hooks:
            if hook.url and hook.events.get(event):
                self._enqueue(hook, event, payload, action, project.project_id)

    def state_of(self, hook: Hook) -> Literal["executable", "temporarily_disabled", "disabled"]:
        if not self.auto_disable:
            return "executable"
        if hook.failures >= FAILURES_UNTIL_OFF:
            return "disabled"
        paused = hook.disabled_until is not None and hook.disabled_until >= self.clock.now()
        return "temporarily_disabled" if paused else "executable"

    def redeliver(self, old: Delivery) -> Delivery:
        """Another attempt with the same Idempotency-Key, as the API and the hook's page offer it."""
        delivery = self._again(old)
        self.deliveries.append(delivery)
        self.send(delivery)
        return delivery

    @override
    async def attempt(self, delivery: Delivery) -> None:
        if self.state_of(delivery.hook) != "executable" and not delivery.redelivery:
            delivery.status, delivery.delivered_at = "hook disabled", self.clock.now()
            return
        await super().attempt(delivery)
        self._learn(delivery.hook, ok=200 <= delivery.status_code < 400)
        tries = sum(1 for one in self.deliveries if one.guid == delivery.guid and one.hook is delivery.hook)
        if not 200 <= delivery.status_code < 400 and tries <= self.retries:
            again = self._again(delivery)
            self.deliveries.append(again)
            await asyncio.sleep(self.retry_after.total_seconds())
            await self.attempt(again)

    def _learn(self, hook: Hook, *, ok: bool) -> None:
        if ok:
            hook.failures, hook.disabled_until = 0, None
            return
        hook.failures += 1
        if hook.failures >= FAILURES_UNTIL_PAUSE:
            pause = min(FIRST_PAUSE * 2 ** (hook.failures - FAILURES_UNTIL_PAUSE), LONGEST_PAUSE)
            hook.disabled_until = self.clock.now() + pause

    def _enqueue(self, hook: Hook, event: str, payload: dict[str, object], action: str | None, project_id: int) -> None:
        text = json.dumps(payload, separators=(",", ":")).encode()
        if len(text) > LARGEST_PAYLOAD:
            return
        key = str(uuid.uuid4())
        delivery = Delivery(
            delivery_id=next(self._ids),
            guid=key,
            event=EVENT_NAMES[event],
            action=action,
            repository_id=project_id,
            text=text,
            headers=self._headers(hook, EVENT_NAMES[event], key, text),
            created_at=self.clock.now(),
            hook=hook,
        )
        self.post(delivery)

    def _again(self, old: Delivery) -> Delivery:
        return replace(
            old,
            delivery_id=next(self._ids),
            headers=self._headers(old.hook, old.event, old.guid, old.text),
            created_at=self.clock.now(),
            redelivery=True,
            delivered_at=None,
            duration=0.0,
            status="pending",
            status_code=0,
            response_headers={},
            response_text="",
        )

    def _headers(self, hook: Hook, event: str, key: str, text: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "GitLab/18.5.0",
            "Idempotency-Key": key,
            "X-Gitlab-Event": event,
            "X-Gitlab-Webhook-UUID": str(uuid.uuid4()),
            "X-Gitlab-Event-UUID": str(uuid.uuid4()),
            "X-Gitlab-Instance": self._gitlab.web_url,
        }
        if hook.token:
            headers["X-Gitlab-Token"] = hook.token
        if hook.signing_token:
            headers |= signature(hook.signing_token, key, self.clock.now(), text)
        return headers


def signature(signing_token: str, key: str, moment: datetime, text: bytes) -> dict[str, str]:
    """Standard Webhooks: the id, the time and the body, signed with the bytes behind `whsec_`."""
    secret = base64.b64decode(signing_token.removeprefix("whsec_"))
    seconds = str(int(moment.timestamp()))
    digest = hmac.new(secret, f"{key}.{seconds}.".encode() + text, hashlib.sha256).digest()
    return {
        "webhook-id": key,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
