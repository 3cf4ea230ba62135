"""Real repositories for tests: made with git, served from a folder or over smart HTTP with a token."""

import base64
import os
import shutil
import subprocess
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

GIT = shutil.which("git") or "git"
TOKEN = "ghs_12_secret-token-of-the-test"
_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Maria",
    "GIT_AUTHOR_EMAIL": "maria@example.com",
    "GIT_COMMITTER_NAME": "Maria",
    "GIT_COMMITTER_EMAIL": "maria@example.com",
}


@dataclass(frozen=True)
class Key:
    connection: str = "github"
    repo_id: str = "42"


@dataclass(frozen=True)
class TestAccess:
    __test__ = False

    url: str
    header: str = ""
    ca_file: str = ""
    proxy: str = ""


@dataclass
class Repo:
    """A repository with a working tree; commits get increasing dates, so that every run makes the same ids."""

    folder: Path
    clock: int = field(default=1_700_000_000)

    @classmethod
    def create(cls, folder: Path) -> "Repo":
        folder.mkdir(parents=True)
        repo = cls(folder)
        repo.git("init", "-q", "-b", "main")
        return repo

    def git(self, *arguments: str | bytes, stdin: bytes = b"") -> str:
        environment = _ENVIRONMENT | {
            "GIT_AUTHOR_DATE": f"{self.clock} +0000",
            "GIT_COMMITTER_DATE": f"{self.clock} +0000",
        }
        done = subprocess.run(
            [GIT, *arguments], cwd=self.folder, env=environment, input=stdin, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        return done.stdout.decode("utf-8", "replace").strip()

    def write(self, files: Mapping[str, str | bytes | None]) -> None:
        for name, content in files.items():
            path = self.folder / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: Mapping[str, str | bytes | None] | None = None, message: str = "change") -> str:
        self.clock += 60
        self.write(files or {})
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.head

    def commits(self, count: int, name: str = "log.txt") -> str:
        """Many commits at once, through fast-import: one process instead of three a commit."""
        branch, parent = self.git("symbolic-ref", "HEAD"), self.head
        script: list[str] = []
        for number in range(count):
            self.clock += 60
            text = f"{name} {number}\n"
            script.append(
                f"commit {branch}\ncommitter Maria <maria@example.com> {self.clock} +0000\ndata 1\nx\n"
                + (f"from {parent}\n" if number == 0 else "")
                + f"M 100644 inline {name}\ndata {len(text)}\n{text}\n"
            )
        self.git("fast-import", "--quiet", stdin="".join(script).encode())
        self.git("reset", "-q", "--hard")
        return self.head

    def switch(self, branch: str, start: str | None = None) -> None:
        self.git("switch", "-q", *(("-c", branch, start) if start else (branch,)))

    def merge(self, branch: str) -> str:
        self.clock += 60
        self.git("merge", "-q", "--no-edit", "--no-ff", branch)
        return self.head

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def sha(self, name: str) -> str:
        return self.git("rev-parse", name)

    @property
    def access(self) -> TestAccess:
        return TestAccess(url=f"file://{self.folder}")


class GitServer(ThreadingHTTPServer):
    """`git http-backend` behind a token; remembers every request, with its headers."""

    daemon_threads = True
    root: Path
    requests: list[tuple[str, dict[str, str]]]
    redirect_to: str = ""
    # As an old server: only what a ref names may be asked for.
    refuses_ids: bool = False

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def access(self, path: str = "/.git") -> TestAccess:
        basic = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
        return TestAccess(url=f"{self.origin}{path}", header=f"Authorization: Basic {basic}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet an answer, or the client waits 40 ms for the second.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: GitServer  # pyright: ignore[reportIncompatibleVariableOverride] - the handler is only used with it

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        del format, args

    def _answer(self) -> None:
        self.server.requests.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.redirect_to:
            self._send(302, {"Location": self.server.redirect_to + self.path}, b"")
        elif self.headers.get("Authorization") != self.server.access().header.partition(": ")[2]:
            self._send(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"")
        else:
            self._backend(body)

    def _backend(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        environment = _ENVIRONMENT | {
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
            "GIT_PROTOCOL": "" if self.server.refuses_ids else self.headers.get("Git-Protocol") or "",
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run([GIT, "http-backend"], input=body, env=environment, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self._send(int(headers.pop("Status", "200").split()[0]), headers, content)

    def _send(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def serve(root: Path) -> Generator[GitServer]:
    server = GitServer(("127.0.0.1", 0), _Handler)
    server.root, server.requests = root, []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
