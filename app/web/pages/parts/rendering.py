"""Templates: one environment that escapes everything, and the few words a template may use."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from app.domain.names import NAME
from app.domain.phrases import count, dollars, seconds, short
from app.web.pages.parts import prose, words

WEB = Path(__file__).parent.parent.parent
STATIC = WEB / "static"


class Templates:
    """Makes pages, and the pieces of them that are sent while they are open."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        environment = Environment(
            loader=FileSystemLoader(WEB / "templates"),
            # For every template, whatever its name ends with: titles, paths and code are written by strangers.
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        versions = {file.name: _digest(file) for file in STATIC.iterdir() if file.is_file()}

        def relative(moment: datetime) -> str:
            return words.relative(moment, clock())

        def asset(name: str) -> str:
            return f"/static/{name}?v={versions[name]}"

        # Jinja types both dicts by what it puts there itself.
        cast("dict[str, object]", environment.filters).update(
            short=short,
            line=words.line,
            visible=words.visible,
            absolute=words.absolute,
            took=words.took,
            seconds=seconds,
            dollars=dollars,
            blocks=prose.blocks,
            spans=prose.spans,
            safe_url=words.safe_url,
            relative=relative,
        )
        cast("dict[str, object]", environment.globals).update(product=NAME, count=count, asset=asset)
        self._environment = environment

    def page(self, template: str, *, status: int = 200, **context: object) -> HTMLResponse:
        return HTMLResponse(self.piece(template, **context), status)

    def piece(self, template: str, **context: object) -> str:
        return self._environment.get_template(template).render(context)


def _digest(file: Path) -> str:
    """So that a browser asks anew after an upgrade, and only then."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]
