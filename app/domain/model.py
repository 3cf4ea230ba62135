"""The base of every value that crosses a function, a process or an activity."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """An immutable value; an unknown field is an error, and errors never print the input they refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
