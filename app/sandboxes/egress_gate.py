"""Says of each request whether it may pass, and keeps count of what a sandbox has used up."""

import re
from urllib.parse import unquote

from app.domain.errors import UserError
from app.sandboxes.egress_head import RequestHead
from app.sandboxes.egress_names import AllowList, plain_name, plain_port
from app.sandboxes.egress_rules import EgressBudget, EgressRules, PrivateRegistry

_STEP_UP = re.compile(r"(^|/)\.{1,2}(/|$)|\\")


class Denied(Exception):
    """The rules do not allow it; the text says which."""


class BudgetSpent(Exception):
    """The sandbox has used all the network it may; the text says of what."""


class Gate:
    """Open during setup; closed for good by `close`."""

    def __init__(self, rules: EgressRules) -> None:
        self._list = AllowList(rules.hosts)
        self._registries = {_checked(registry): registry for registry in rules.registries}
        self.is_open = True

    def close(self) -> None:
        self.is_open = False

    def judge(self, head: RequestHead) -> PrivateRegistry | None:
        """Denied, or how it goes on: to that registry with its credential, or plainly."""
        if not self.is_open:
            raise Denied("The network is closed: setup is over.")
        registry = self._registries.get(head.name)
        if registry and not head.is_tunnel and head.port == 80:
            return _below_its_path(registry, head)
        if self._list.admits(head.name, head.port):
            return None
        if registry:
            raise Denied(f"{head.name} is a private registry: from here it is http://{registry.name}{registry.path}.")
        raise Denied(f"{head.name} port {head.port} is not among the hosts that setup may reach.")


class Spent:
    """What one sandbox has used so far, over all its connections."""

    def __init__(self, budget: EgressBudget) -> None:
        self._budget = budget
        self._connections = 0
        self._sent_bytes = 0
        self._received_bytes = 0

    def connect(self) -> None:
        self._connections += 1
        if self._connections > self._budget.connections:
            raise BudgetSpent(f"More than {self._budget.connections:,} connections were asked for.")

    def send(self, size: int) -> None:
        self._sent_bytes += size
        if self._sent_bytes > self._budget.sent_bytes:
            raise BudgetSpent(f"More than {self._budget.sent_bytes:,} bytes were sent.")

    def receive(self, size: int) -> None:
        self._received_bytes += size
        if self._received_bytes > self._budget.received_bytes:
            raise BudgetSpent(f"More than {self._budget.received_bytes:,} bytes were received.")


def _checked(registry: PrivateRegistry) -> str:
    name = plain_name(registry.name)
    if name != registry.name or plain_port(str(registry.port)) is None:
        raise UserError(f"{registry.name!r} is no registry's name; write it as 'packages.example.com', in lower case.")
    return registry.name


def _below_its_path(registry: PrivateRegistry, head: RequestHead) -> PrivateRegistry:
    # As its server may read it: `%2e%2e` is a step up to some of them.
    path = unquote(head.target.partition("?")[0])
    if not path.startswith(registry.path) or _STEP_UP.search(path):
        raise Denied(f"Of {registry.name} only what lies below {registry.path} may be read.")
    return registry
