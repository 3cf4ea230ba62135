"""Repositories whose files run when a tool is started in them: they do so in the sandbox, and nowhere else."""

import shutil
from pathlib import Path

from tests.autofix.rooms import need, room

# What the trap writes, {mark} being a place of the machine's that does not exist inside.
_SHELL = "touch /tmp/ran; mkdir -p {folder}; touch {mark}"
_PYTHON = "import os\nos.system({shell!r})\n"
_SCRIPT = "require('child_process').execSync({shell!r})\n"
# By the tool that is led astray: the file that does it, what is in it, and how the tool is started.
ZOO = {
    "unittest": ("test_x.py", _PYTHON, "python3 -m unittest"),
    "a module that hides another": ("json.py", _PYTHON, "python3 -m json.tool /dev/null"),
    "setup.py": ("setup.py", _PYTHON, "python3 setup.py --name"),
    "sitecustomize": ("sitecustomize.py", _PYTHON, "PYTHONPATH=. python3 -c pass"),
    "make": ("Makefile", "test:\n\t{shell}\n", "make test"),
    "npm test": ("package.json", '{{"scripts": {{"test": "{shell}"}}}}', "npm test"),
    "npm install": ("package.json", '{{"scripts": {{"preinstall": "{shell}"}}}}', "npm install --offline"),
    "node's tests": ("x.test.js", _SCRIPT, "node --test"),
    "a git hook": (".git/hooks/post-checkout", "#!/bin/sh\n{shell}\n", "chmod +x .git/hooks/*; git checkout -q -b other"),
    "git's monitor of files": (".git/config", '[core]\n\tfsmonitor = "{shell}; #"\n', "git status"),
    "a bare repository in a folder": ("docs/config", '[core]\n\tbare = false\n\tworktree = .\n\tfsmonitor = "{shell}; #"\n', "cd docs && git status"),
}  # fmt: skip
_PROGRAMS = {"make": "make", "npm test": "npm", "npm install": "npm", "node's tests": "node"}
_BARE = {
    f"docs/{name}": text for name, text in (("HEAD", b"ref: refs/heads/main\n"), ("objects/x", b""), ("refs/x", b""))
}


async def test_what_a_hostile_repository_runs_it_runs_inside(tmp_path: Path) -> None:
    need("bwrap")
    mark = tmp_path / "outside" / "ran"
    shell = _SHELL.format(folder=mark.parent, mark=mark)
    ran: dict[str, bool] = {}
    async with room(tmp_path / "rooms") as inside:
        for name, (path, text, command) in ZOO.items():
            if shutil.which(_PROGRAMS.get(name, "sh")) is None:
                continue
            await inside.run(("sh", "-c", "cd /work && rm -rf /tmp/ran ./* .git && git init -q"))
            await inside.write({path: text.format(shell=shell).encode(), **(_BARE if path.startswith("docs/") else {})})
            await inside.run(("sh", "-c", command))
            ran[name] = (await inside.run(("test", "-e", "/tmp/ran"))).passed  # noqa: S108 - inside
    assert not mark.parent.exists()
    # A trap that did not spring shows nothing of the sandbox.
    assert sum(ran.values()) >= 7, ran
