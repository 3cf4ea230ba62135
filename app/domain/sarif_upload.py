"""A SARIF file that a repository's own CI sends, read without trusting any of it: what can be used and what cannot."""

import base64
import binascii
import re
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from app.domain.errors import UserError
from app.domain.invisible import strip_invisible
from app.domain.model import Frozen

# A larger file, packed or not, is not read.
LARGEST = 10_000_000
# How many results of a tool are kept? More than a person reads in a year.
MOST_RESULTS = 1_000
# Each becomes an object in memory, whatever it holds; so many are never looked at.
_MOST_OBJECTS = 1_500_000
_MOST_RUNS = 20
_LONGEST_NAME, _LONGEST_MESSAGE = 60, 600
_LAST_LINE = 10_000_000
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")

Level = Literal["error", "warning", "note"]


class UploadedResult(Frozen):
    """One thing that a tool of theirs says of a file of the repository."""

    rule: str
    level: Level
    path: str
    start_line: int
    end_line: int
    message: str


class Upload(Frozen):
    """What is kept of one tool's runs; `left_out` could not be used, or was over the limit."""

    tool: str
    results: tuple[UploadedResult, ...]
    left_out: int = 0


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class _Packed(_Lenient):
    """As GitHub's own upload takes it: gzip, then base64."""

    sarif: str


class _Message(_Lenient):
    text: str = ""


class _Region(_Lenient):
    start_line: int = Field(alias="startLine", ge=1, le=_LAST_LINE)
    end_line: int | None = Field(default=None, alias="endLine", ge=1, le=_LAST_LINE)


class _Artifact(_Lenient):
    uri: str = Field(max_length=4_096)


class _Physical(_Lenient):
    artifact: _Artifact = Field(alias="artifactLocation")
    region: _Region


class _Location(_Lenient):
    physical: _Physical = Field(alias="physicalLocation")


class _Result(_Lenient):
    rule: str = Field(default="", alias="ruleId")
    level: Literal["error", "warning", "note", "none"] = "warning"
    message: _Message
    locations: list[_Location] = Field(min_length=1, max_length=1_000)


class _Driver(_Lenient):
    name: str


class _Tool(_Lenient):
    driver: _Driver


class _Run(_Lenient):
    tool: _Tool
    results: list[JsonValue] | None = None


class _Sarif(_Lenient):
    runs: list[_Run] = Field(max_length=_MOST_RUNS)


def read_upload(body: bytes) -> tuple[Upload, ...]:
    """One for each tool; UserError says what is wrong with the file as a whole. Takes seconds for the largest."""
    data = _unpacked(body)
    if data.count(b"{") > _MOST_OBJECTS:
        raise UserError(f"The SARIF file holds over {_MOST_OBJECTS:,} objects; send what is new, or split it by tool.")
    try:
        sarif = _Sarif.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UserError(f"This is no SARIF file of version 2.1.0: {where}: {first['msg'][:200]}.") from None
    uploads: dict[str, Upload] = {}
    for run in sarif.runs:
        tool = _line(run.tool.driver.name, _LONGEST_NAME) or "unnamed"
        uploads[tool] = _read(tool, run.results or [], uploads.get(tool, Upload(tool=tool, results=())))
    return tuple(uploads.values())


def _unpacked(body: bytes) -> bytes:
    """The SARIF itself; never more of it than is allowed, however small it was packed."""
    if b'"runs"' in body or b'"sarif"' not in body:
        return body
    try:
        packed = base64.b64decode(_Packed.model_validate_json(body).sarif, validate=False)
        unpacking = zlib.decompressobj(wbits=31)
        data = unpacking.decompress(packed, LARGEST + 1)
    except (ValidationError, binascii.Error, zlib.error, ValueError):
        raise UserError("`sarif` must be the file packed with gzip and written as base64.") from None
    if len(data) > LARGEST or not unpacking.eof:
        raise UserError(f"The SARIF file is cut off, or unpacked over {LARGEST // 1_000_000} MB.")
    return data


def _read(tool: str, results: list[JsonValue], before: Upload) -> Upload:
    kept = list(before.results)
    left_out = before.left_out
    for at, result in enumerate(results):
        if len(kept) == MOST_RESULTS:
            left_out += len(results) - at
            break
        usable = next(_usable(result), None)
        if usable is None:
            left_out += 1
        else:
            kept.append(usable)
    return Upload(tool=tool, results=tuple(kept), left_out=left_out)


def _usable(result: JsonValue) -> Iterator[UploadedResult]:
    try:
        read = _Result.model_validate(result)
    except ValidationError:
        return
    physical = read.locations[0].physical
    path, region = _path(physical.artifact.uri), physical.region
    message = _line(read.message.text, _LONGEST_MESSAGE)
    if path is not None and message and read.level != "none":
        yield UploadedResult(
            rule=_line(read.rule, _LONGEST_NAME),
            level=read.level,
            path=path,
            start_line=region.start_line,
            end_line=max(region.start_line, region.end_line or 0),
            message=message,
        )


def _path(uri: str) -> str | None:
    """The file of the repository that an address means; None for one that leads elsewhere."""
    path = unquote(uri)
    parts = PurePosixPath(path).parts
    if _SCHEME.match(path) or not parts or parts[0] == "/" or ".." in parts or "\\" in path or not path.isprintable():
        return None
    return "/".join(parts)


def _line(text: str, limit: int) -> str:
    return " ".join(strip_invisible(text[: limit * 4]).split())[:limit]
