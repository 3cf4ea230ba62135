"""Which files of a patch are tests, or say how tests run, and which are the product."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from autofix.patches import FilePatch, ParsedPatch
from autofix.verify_inline import split

_TEST_FOLDERS = {
    "test",
    "tests",
    "testing",
    "__tests__",
    "spec",
    "specs",
    "testdata",
    "__mocks__",
    "__snapshots__",
    "e2e",
}
_TEST_NAME = re.compile(
    r"(?:test|tests|conftest)\.[^.]+|test[_-].*|.*[_-](?:test|tests|spec)\.[^.]+|.*\.(?:test|tests|spec|bats|snap)(?:\.[^.]+)?"
    r"|.*(?:Test|Tests|TestCase|Spec|IT)\.(?:java|kt|scala|cs|swift|php|groovy)"
)
# They decide what runs when "the tests" run: a change of theirs is not a fix.
_SETUP = re.compile(
    r"(?:GNU)?[Mm]akefile|.*\.mk|CMakeLists\.txt|meson\.build|BUILD|BUILD\.bazel|[Jj]ustfile|[Tt]askfile\.ya?ml|Rakefile"
    r"|noxfile\.py|tox\.ini|\.?pytest\.(?:ini|toml)|unittest\.cfg|nose\.cfg|\.stestr\.conf|\.taprc|\.coveragerc|setup\.cfg"
    r"|pyproject\.toml|package\.json|tsconfig[\w.-]*\.json|setupTests\.[jt]sx?|testem\.\w+|web-test-runner\.config\.[cm]?[jt]s"
    r"|xunit\.runner\.json|Directory\.Build\.(?:props|targets)|gradlew|mvnw"
    r"|(?:jest|vitest|vite|karma|ava|playwright|cypress|mocha|babel|webpack|rollup)[.-][\w.-]+\.(?:[cm]?[jt]s|json)"
    r"|\.mocharc\..*|\.babelrc.*|\.nycrc.*|phpunit\.xml.*|pom\.xml|.*\.gradle(?:\.kts)?|.*\.sbt|\.rspec|\.bazelrc"
)


def is_test(path: str) -> bool:
    *folders, name = path.split("/")
    return any(folder.lower() in _TEST_FOLDERS for folder in folders) or _TEST_NAME.fullmatch(name) is not None


def decides_how_tests_run(path: str) -> bool:
    return _SETUP.fullmatch(path.rpartition("/")[2]) is not None


@dataclass(frozen=True)
class Parts:
    """A patch by what its files are for."""

    product: tuple[FilePatch, ...]
    # Tests that the patch brings, and tests that were there and that it touches.
    new_tests: tuple[FilePatch, ...]
    old_tests: tuple[FilePatch, ...]
    setup: tuple[FilePatch, ...]

    @property
    def tests(self) -> tuple[FilePatch, ...]:
        """All that is not the product: without the rest it must change nothing but what is asked."""
        return (*self.new_tests, *self.old_tests, *self.setup)


def parted(patch: ParsedPatch, mended: Collection[str], heads: Mapping[str, str] | None = None) -> Parts:
    """`mended` are the files that findings stand in: those are the product whatever they are called.

    `heads` are the files before the patch, for those that hold their own tests.
    """
    product: list[FilePatch] = []
    new_tests: list[FilePatch] = []
    old_tests: list[FilePatch] = []
    setup: list[FilePatch] = []
    for whole in patch.files:
        head = (heads or {}).get(whole.path)
        file, inline = split(whole, head) if head is not None else (whole, None)
        if inline is not None:
            old_tests.append(inline)
        if file is None:
            continue
        if file.path in mended or file.old_path in mended:
            product.append(file)
        elif is_test(file.path) or is_test(file.old_path):
            (new_tests if file.status == "added" else old_tests).append(file)
        elif decides_how_tests_run(file.path) or decides_how_tests_run(file.old_path):
            setup.append(file)
        else:
            product.append(file)
    return Parts(tuple(product), tuple(new_tests), tuple(old_tests), tuple(setup))
