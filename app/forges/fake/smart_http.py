"""One request of git's smart HTTP, handed to git's own server behind a repository."""

from collections.abc import Mapping

from app.forges.fake.exchange import Answer, Request
from app.forges.fake.git import GitRepository


async def serve_git(git: GitRepository, request: Request, inside: str, extra: Mapping[str, str]) -> Answer:
    """`inside` is the path in the repository; `extra` is what its update hook is told (see bare.py)."""
    headers = request.headers
    environment = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": f"/{inside}",
        "QUERY_STRING": request.query_string,
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
        "GIT_PROTOCOL": headers.get("git-protocol", ""),
        "REMOTE_USER": "git",
        "REMOTE_ADDR": "127.0.0.1",
        **extra,
    }
    answer = await git.http_backend(environment, request.body)
    return Answer(answer.status, content=answer.body, headers={name.lower(): v for name, v in answer.headers.items()})


def plain_text(status: int, text: str, headers: Mapping[str, str] | None = None) -> Answer:
    """What git shows to its user."""
    return Answer(status, content=f"{text}\n".encode(), headers={"content-type": "text/plain", **(headers or {})})
