"""The two ways to run an agent's loop on Temporal that tests/bench/agent.py holds side by side."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic_ai import Agent
    from pydantic_ai.durable_exec.temporal import TemporalDurability
    from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
    from pydantic_ai.models.function import AgentInfo, FunctionModel
    from pydantic_ai.usage import UsageLimits

    from workflows import queues, timing
    from workflows.agent_messages import ChunkDone, ChunkStep
    from workflows.calls import call

# What each tool of either agent answers.
RESULT = "x" * 2_000


@workflow.defn
class Ours:
    """The conversing part of our Agent workflow, without sandbox, forge and proof."""

    @workflow.run
    async def run(self, step: ChunkStep) -> str:
        while True:
            done = await call("agent_chunk", step, ChunkDone, timing.AGENT_WORK, queue=queues.LLM)
            if done.end != "goes_on":
                return done.end
            step = step.model_copy(update={"number": step.number + 1})


def _moves(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Uses the tool for as many steps as the task says, then ends."""
    del info
    wanted = int(str(messages[0].parts[0].content))  # type: ignore[union-attr] - the first part is the task
    step = sum(isinstance(message, ModelResponse) for message in messages)
    if step < wanted:
        return ModelResponse(parts=[TextPart(f"Step {step}."), ToolCallPart("look", {"number": step})])
    return ModelResponse(parts=[TextPart("Done.")])


THEIRS = Agent(
    FunctionModel(_moves),
    name="theirs",
    capabilities=[TemporalDurability(activity_config={"start_to_close_timeout": timedelta(minutes=1)})],
)


@THEIRS.tool_plain
async def look(number: int) -> str:
    return f"{number} {RESULT}"


@workflow.defn
class Theirs:
    """The same loop by pydantic-ai's own integration: every request carries the whole conversation."""

    @workflow.run
    async def run(self, steps: int) -> str:
        result = await THEIRS.run(str(steps), usage_limits=UsageLimits(request_limit=None))
        return result.output
