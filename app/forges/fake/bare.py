"""An empty bare repository, made without git: what git needs to see is little, and starting it takes longer."""

from pathlib import Path

# Any commit may be fetched by its hash, as on GitHub; nothing is packed behind our back.
_CONFIG = """[core]
	repositoryformatversion = 0
	filemode = true
	bare = true
[uploadpack]
	allowAnySHA1InWant = true
	allowFilter = true
[http]
	receivepack = true
[receive]
	autogc = false
[gc]
	auto = 0
"""
# What a forge refuses in a push although the token may write; the variables come from the door.
_UPDATE_HOOK = """#!/bin/sh
branch="${1#refs/heads/}"
if printf '%s\\n' "$PROTECTED_BRANCHES" | grep -qxF -- "$branch"; then
  echo "${PROTECTED_SAYS:-error: GH006: Protected branch update failed for $1.}" >&2
  exit 1
fi
if [ -n "$ALLOWED_BRANCHES" ] && ! printf '%s\\n' "$ALLOWED_BRANCHES" | grep -qxF -- "$branch"; then
  echo "$PROTECTED_SAYS" >&2
  exit 1
fi
case "$3" in *[!0]*) ;; *) exit 0 ;; esac
case "$2" in *[!0]*) old="$2" ;; *) old="$(git hash-object -t tree /dev/null)" ;; esac
if [ -n "$REFUSE_WORKFLOWS" ] && ! git diff --quiet "$old" "$3" -- .github/workflows; then
  echo "refusing to allow a GitHub App to create or update workflow without \\`workflows\\` permission" >&2
  exit 1
fi
"""


def make_bare(folder: Path, default_branch: str) -> None:
    for name in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "hooks"):
        (folder / name).mkdir(parents=True)
    (folder / "HEAD").write_text(f"ref: refs/heads/{default_branch}\n")
    (folder / "config").write_text(_CONFIG)
    hook = folder / "hooks" / "update"
    hook.write_text(_UPDATE_HOOK)
    hook.chmod(0o755)
