"""The three task queues: who may hold which secret."""

# Forge tokens, the database, git mirrors: all workflows, reading, posting.
CONTROL = "control"
# Model keys and the database: reviewer passes.
LLM = "llm"
# Nothing: programs that read or run foreign code.
SANDBOX = "sandbox"


def of_sandbox(host: str) -> str:
    """Where those work who can reach a sandbox on this machine; an empty host is any."""
    return f"{SANDBOX}.{host}" if host else SANDBOX


def is_of_one_machine(queue: str) -> bool:
    return queue.startswith(f"{SANDBOX}.")


def of_machine(host: str) -> tuple[str, ...]:
    """Where a machine with sandboxes works: what any may do, and what is to be done in its own."""
    return tuple(dict.fromkeys((SANDBOX, of_sandbox(host))))
