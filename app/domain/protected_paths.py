"""Files that no fix of ours may touch, however their names are spelled: one table, and how names are compared."""

import re
import unicodedata
from functools import cache
from typing import Literal

from app.domain.names import CONFIG_FILE, RULES_FOLDER

ProtectedKind = Literal[
    "continuous integration",
    "code owners",
    "git's own files",
    "agent configuration",
    "Corrigent's configuration",
    "hooks",
    "package registry settings",
    "code that runs by itself",
    "installed dependencies",
    "lock file",
]

# A name protects everything of that name and below it, at any depth; one that begins with "/" only at the root.
PROTECTED: dict[ProtectedKind, str] = {
    "continuous integration": """
        .github .gitlab .gitlab-ci.yml .gitlab-ci.yaml *.gitlab-ci.yml .gitea .forgejo .circleci .travis.yml .ci /ci
        appveyor.yml .appveyor.yml azure-pipelines*.yml azure-pipelines*.yaml .azure-pipelines .azuredevops .vsts-ci.yml
        Jenkinsfile Jenkinsfile.* *.jenkinsfile bitbucket-pipelines.yml .drone.* .woodpecker .woodpecker.* .buildkite
        .semaphore .teamcity .cirrus.* cloudbuild*.yaml cloudbuild*.yml buildspec*.yml codefresh.yml .codefresh
        wercker.yml .tekton .harness .prow .prow.yaml .zuul.* zuul.yaml .zuul.d zuul.d .builds .build.yml bamboo-specs
        .screwdriver.yaml screwdriver.yaml .earthly Earthfile .dagger dagger.json .mergify.yml .mergify .kodiak.toml
        .bors.toml bors.toml renovate.json renovate.json5 .renovaterc .renovaterc.* dependabot.yml .dependabot
        netlify.toml vercel.json .codecov.yml codecov.yml sonar-project.properties .devcontainer .devcontainer.json
        .snyk .semgrep .semgrepignore .trivyignore .bandit action.yml action.yaml
    """,
    "code owners": "CODEOWNERS OWNERS OWNERS_ALIASES",
    "git's own files": ".git* git~1",
    "agent configuration": """
        .claude .claude.json CLAUDE.md CLAUDE.*.md .cursor .cursorrules .cursorignore AGENTS.md AGENTS.*.md AGENT.md
        .agents GEMINI.md .gemini .codex .mcp.json mcp.json .mcp .aider* .windsurf .windsurfrules .clinerules .cline
        .roo .roomodes .roorules .continue .continuerules .copilot copilot-instructions.md .junie .kiro .opencode
        opencode.json .goosehints .amazonq .coderabbit.* .ripgreprc .vscode .idea .zed
    """,
    "Corrigent's configuration": f"{CONFIG_FILE} {CONFIG_FILE.removesuffix('.yaml')}.yml {RULES_FOLDER}",
    "hooks": """
        .husky lefthook.* .lefthook.* .lefthook .pre-commit-config.yaml .pre-commit-hooks.yaml .overcommit.yml
        .lintstagedrc .lintstagedrc.* lint-staged.config.* .envrc .direnv
    """,
    "package registry settings": """
        .npmrc .yarnrc .yarnrc.yml .yarn .pnpmfile.cjs .pnp.* pip.conf .pypirc .netrc _netrc .cargo .condarc
        nuget.config .nuget .bundle .m2 .docker .gemrc .bazelrc .mvn gradle-wrapper.* .bowerrc
    """,
    "code that runs by itself": "sitecustomize.py usercustomize.py *.pth *.pyc __pycache__",
    "installed dependencies": "node_modules site-packages bower_components .venv .tox .nox *.egg-info *.dist-info",
    "lock file": """
        *.lock package-lock.json npm-shrinkwrap.json pnpm-lock.yaml bun.lockb go.sum packages.lock.json *.lockfile
        Package.resolved conda-lock.yml .terraform.lock.hcl deno.lock cabal.project.freeze
    """,
}

# Files in which dependencies are named; a change of one is for a person to look at.
MANIFESTS = """
    package.json pyproject.toml setup.py setup.cfg *requirements*.txt requirements*.in /requirements/*.txt Pipfile
    environment.yml environment.yaml go.mod go.work Cargo.toml Gemfile *.gemspec composer.json pom.xml build.gradle
    build.gradle.kts settings.gradle settings.gradle.kts libs.versions.toml *.csproj *.fsproj *.vbproj packages.config
    Directory.Packages.props mix.exs rebar.config Package.swift Podfile pubspec.yaml deps.edn project.clj build.sbt
    stack.yaml *.cabal conanfile.txt conanfile.py vcpkg.json deno.json deno.jsonc flake.nix MODULE.bazel WORKSPACE
    Dockerfile Dockerfile.* *.dockerfile Containerfile docker-compose*.yml docker-compose*.yaml compose.yaml compose.yml
    *.tf Chart.yaml
"""

# Files that say what analysers overlook, or what runs when the code is built and tested: a change of one is for a
# person to look at too.
TOOL_SETTINGS = """
    .eslintrc .eslintrc.* eslint.config.* .eslintignore .oxlintrc.json biome.json biome.jsonc .prettierrc
    .prettierrc.* prettier.config.* .stylelintrc .stylelintrc.* tslint.json .jshintrc .babelrc .babelrc.*
    babel.config.* tsconfig*.json ruff.toml .ruff.toml .flake8 .pylintrc pylintrc mypy.ini .mypy.ini
    pyrightconfig.json ty.toml .isort.cfg .coveragerc tox.ini noxfile.py .shellcheckrc .hadolint.yaml .hadolint.yml
    .yamllint .yamllint.* zizmor.yml .golangci.* .rubocop.yml .rubocop_todo.yml clippy.toml .clippy.toml
    rustfmt.toml .clang-tidy .clang-format sgconfig.yml build.rs .swiftlint.yml rust-toolchain rust-toolchain.toml
    .tool-versions .nvmrc .python-version .ruby-version mise.toml .mise.toml Vagrantfile Procfile .dockerignore
    .htaccess web.config crontab .bashrc .profile .zshrc detekt.yml checkstyle.xml pmd.xml phpstan.neon
    Makefile GNUmakefile *.mk justfile .justfile Rakefile Taskfile.yml Taskfile.yaml CMakeLists.txt meson.build
    configure.ac BUILD BUILD.bazel *.bzl SConstruct wscript build.xml gradle.properties build.zig magefile.go
    gulpfile.* Gruntfile.* webpack.config.* rollup.config.* vite.config.* esbuild.config.* rspack.config.*
    metro.config.* postcss.config.* .swcrc nx.json turbo.json lerna.json jest.config.* vitest.config.* karma.conf.*
    playwright.config.* cypress.config.* .mocharc.* .nycrc .nycrc.* pytest.ini .pytest.ini pytest.toml .pytest.toml
    unittest.cfg nose.cfg .stestr.conf .taprc setupTests.* testem.* web-test-runner.config.* xunit.runner.json
    Directory.Build.* gradlew mvnw .env .env.* conftest.py .rspec phpunit.xml
    phpunit.xml.* hatch.toml hatch_build.py uv.toml poetry.toml pdm.toml bunfig.toml MANIFEST.in Fastfile Capfile
    ansible.cfg serverless.yml skaffold.yaml Tiltfile gitleaks.toml .gitleaks.toml osv-scanner.toml .checkov.yml
"""

# Stands for a character outside ASCII: it may be drawn like any letter.
_ANY = "\ufffd"


def protected(path: str) -> ProtectedKind | None:
    """Why no fix may touch the path; None when it may."""
    folded = fold(path)
    return next((kind for kind, names in PROTECTED.items() if _pattern(names).search(folded)), None)


def names_dependencies(path: str) -> bool:
    return _pattern(MANIFESTS).search(fold(path)) is not None


def sets_tools(path: str) -> bool:
    return _pattern(TOOL_SETTINGS).search(fold(path)) is not None


def fold(path: str) -> str:
    """The path as a careless file system or reader sees it: one case, no accents, no trailing dots, no streams."""
    return "/".join(_folded_name(name) for name in path.split("/"))


def _folded_name(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold()).casefold()
    base = "".join(c for c in decomposed if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
    plain = "".join(c if c.isascii() else _ANY for c in base)
    # Windows drops dots and blanks at the end, and takes what follows a colon for a stream of the same file.
    return plain.partition(":")[0].rstrip(". ") or plain


@cache
def _pattern(names: str) -> re.Pattern[str]:
    return re.compile("|".join(_one(name) for name in names.split()))


def _one(name: str) -> str:
    """A name of the table as a pattern over folded paths, in which any letter may be one that only looks like it."""
    at_root = name.startswith("/")
    # Of a name without any plain letter nobody can say what it looks like; most are somebody's own language.
    readable = rf"(?!\.?{_ANY}+(?:[./]|$))"
    letters = "".join(_letter(character) for character in name.removeprefix("/").lower())
    return rf"{'^' if at_root else '(?:^|/)'}{readable}{letters}(?:/|$)"


def _letter(character: str) -> str:
    if character == "*":
        return "[^/]*"
    return f"[{re.escape(character)}{_ANY}]" if character.isalnum() else re.escape(character)
