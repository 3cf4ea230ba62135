"""All tools by name, and which of them an agent has."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.conversation import ASK, SUB_AGENT
from autofix.tools import (
    ask,
    checks,
    edit,
    finish,
    list_files,
    read,
    report_problem,
    run,
    screenshot,
    search,
    sub_agent,
    write,
)
from autofix.tools.base import Tool

# Each tool has a type of arguments of its own, which only its own file knows.
AnyTool = Tool[Any]

_ALL: Sequence[AnyTool] = (
    read.TOOL,
    list_files.TOOL,
    search.TOOL,
    edit.TOOL,
    write.TOOL,
    run.TOOL,
    checks.TOOL,
    screenshot.TOOL,
    sub_agent.TOOL,
    ask.TOOL,
    report_problem.TOOL,
    finish.TOOL,
)
TOOLS: Mapping[str, AnyTool] = {tool.name: tool for tool in _ALL}
# A sub-agent answers its agent; people are asked, and work is handed on, by the agent alone.
OF_SUB_AGENTS: Mapping[str, AnyTool] = {name: tool for name, tool in TOOLS.items() if name not in {ASK, SUB_AGENT}}
