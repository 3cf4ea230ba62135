"""The three task queues: who may hold which secret."""

# Forge tokens, the database, git mirrors: all workflows, reading, posting.
CONTROL = "control"
# Model keys and the database: reviewer passes.
LLM = "llm"
# Nothing: programs that read or run foreign code.
SANDBOX = "sandbox"
