"""What stands behind every button: who may press it, whether the form is of our own page, and the row it becomes."""

from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request

from app.own_deliveries import OwnEvent, put_own
from app.store.deliveries import Deliveries
from app.store.ids import is_id, new_id
from app.web.access import Access, Viewer
from app.web.body import BodyReader
from app.web.pages.parts.forms import form_values


class Buttons:
    """Only writes rows: this process may have no way to the workflows."""

    def __init__(
        self, *, deliveries: Deliveries, access: Access, wake: Callable[[], None], clock: Callable[[], datetime]
    ) -> None:
        self._deliveries = deliveries
        self._access = access
        # Says that there is something in the inbox.
        self._wake = wake
        self._clock = clock
        self._reader = BodyReader()

    def may_press(self, viewer: Viewer) -> bool:
        return viewer.role == "operator"

    def form(self, request: Request) -> dict[str, str]:
        """Hidden fields of a form: whose page it is, and a number by which the same click sent twice is one."""
        return {"form": self._access.form_token(request), "press": new_id(self._clock())}

    async def pressed(self, request: Request, viewer: Viewer) -> str | None:
        """The number of this click; None when it was not one of somebody who may, on a page of ours."""
        given = await form_values(request, self._reader)
        if not self.may_press(viewer) or not self._access.is_own_form(request, given.get("form", "")):
            return None
        press = given.get("press", "")
        return press if is_id(press) else new_id(self._clock())

    async def put(self, event: OwnEvent, *, press: str) -> None:
        await put_own(self._deliveries, event, delivery_id=press)
        self._wake()
