"""A change in which two lines can be mended with a click: one by a linter's safe fix, one by the model's words."""

import json

from pydantic import JsonValue

from tests.harness.system import Script

_LINE, _BETTER = "    cents = amount * 3 / 100", "    cents = amount * 3 // 100"
FEES = {
    "fees.py": f"def fee(amount):\n    if amount is None:\n        raise NotImplemented\n{_LINE}\n    return cents\n"
}


def suggest(script: Script) -> None:
    """The model knows what to write for one line, and its check agrees."""
    found: dict[str, JsonValue] = {
        "path": "fees.py",
        "quote": _LINE,
        "severity": "high",
        "category": "correctness",
        "title": "Cents become fractions",
        "body": "`/` makes a float.",
        "suggestion": _BETTER,
    }
    verdict = {"number": 1, "verdict": "confirmed", "path": "fees.py", "quote": _LINE, "mends": True, "why": "floats"}
    script.answer(["Quoted:", _BETTER], raw=json.dumps({"verdicts": [verdict]}))
    script.answer([_LINE.strip()], findings=[found])
