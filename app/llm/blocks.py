"""Foreign text in a question: inside a block that it cannot close."""

import hashlib


def block(what: str, content: str) -> str:
    """The content between two lines whose name depends on it, so that none can hold its own closing line."""
    name = "data-" + hashlib.sha256(f"{what}\0{content}".encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"<{name}> {what}\n{content}\n</{name}>"
