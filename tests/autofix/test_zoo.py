"""Repositories whose files run when a tool is started in them: they do so in the sandbox, and nowhere else."""

import shutil
from pathlib import Path

from tests.autofix.rooms import need, room

# What the trap writes, {mark} being a place of the machine's that does not exist inside.
_SHELL = "touch /tmp/ran; mkdir -p {folder}; touch {mark}"
_PYTHON = "import os\nos.system({shell!r})\n"
_SCRIPT = "require('child_process').execSync({shell!r})\n"
_RUST = 'fn main() {{ std::process::Command::new("sh").args(["-c", {shell!r}]).status().unwrap(); }}\n'
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
    "npm's shell": (".npmrc", "script-shell=/work/sh.sh\n", "npm test"),
    "node's options from npm": (".npmrc", "node-options=--require=/work/x.js\n", "npm test"),
    "a build backend of its own": ("backend.py", _PYTHON, "python3 -m pip install --no-build-isolation --no-index ."),
    "pytest": ("conftest.py", _PYTHON, "python3 -m pytest"),
    "pylint's hook": (".pylintrc", "[MASTER]\ninit-hook='import os; os.system({shell!r})'\n", "pylint json.py"),
    "mypy's plugin": ("mypy.ini", "[mypy]\nplugins = /work/plugin.py\n", "mypy ."),
    "flake8's local plugin": (".flake8", "[flake8:local-plugins]\nextension = X = plugin:X\npaths = .\n", "flake8 ."),
    "eslint's configuration": ("eslint.config.js", _SCRIPT, "eslint ."),
    "cargo's build script": ("build.rs", _RUST, "cargo build --offline"),
    "git's filter of attributes": (".git/config", '[filter "x"]\n\tclean = "{shell}; cat"\n', "git add -A"),
    "git's diff of another's": (".git/config", '[diff]\n\texternal = "{shell}; #"\n', "git add x.txt; echo 2 > x.txt; git diff"),
    "a git hook": (".git/hooks/pre-commit", "#!/bin/sh\n{shell}\n", "chmod +x .git/hooks/*; git -c user.name=x -c user.email=x commit --allow-empty -m x"),
    "git's monitor of files": (".git/config", '[core]\n\tfsmonitor = "{shell}; #"\n', "git status"),
    "a bare repository in a folder": ("docs/config", '[core]\n\tbare = false\n\tworktree = .\n\tfsmonitor = "{shell}; #"\n', "cd docs && git status"),
}  # fmt: skip
_PROGRAMS = {
    **{"make": "make", "npm test": "npm", "npm install": "npm", "node's tests": "node", "npm's shell": "npm"},
    **{"node's options from npm": "npm", "pylint's hook": "pylint", "mypy's plugin": "mypy"},
    **{"flake8's local plugin": "flake8", "eslint's configuration": "eslint", "cargo's build script": "cargo"},
}
# What a trap needs beside it.
_BESIDE = {
    "npm's shell": {"package.json": '{{"scripts": {{"test": "true"}}}}', "sh.sh": "#!/bin/sh\n{shell}\n"},
    "node's options from npm": {"package.json": '{{"scripts": {{"test": "node -e 0"}}}}', "x.js": _SCRIPT},
    "a build backend of its own": {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    },
    "mypy's plugin": {"plugin.py": _PYTHON},
    "flake8's local plugin": {"plugin.py": _PYTHON},
    "cargo's build script": {"Cargo.toml": '[package]\nname = "x"\nversion = "1.0.0"\n', "src/lib.rs": ""},
    "git's filter of attributes": {".gitattributes": "* filter=x\n", "x.txt": "1\n"},
    "git's diff of another's": {"x.txt": "1\n"},
}
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
            beside = {path: text, **_BESIDE.get(name, {})}
            await inside.write({path: text.format(shell=shell).encode() for path, text in beside.items()})
            await inside.write(_BARE if path.startswith("docs/") else {})
            await inside.run(("sh", "-c", f"chmod +x *.sh; {command}"))
            ran[name] = (await inside.run(("test", "-e", "/tmp/ran"))).passed  # noqa: S108 - inside
    assert not mark.parent.exists()
    # A trap that did not spring shows nothing of the sandbox.
    assert sum(ran.values()) >= 10, ran
