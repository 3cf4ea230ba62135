"""What a staged review is known by: its run, and its body.

GitLab has nowhere to keep a review's body until it is shown. A draft note without a place would do, but newer versions
publish it as a thread, and where all threads must be resolved our own summary would keep the change from being merged.
So the body travels in the id, which is stored by whoever staged the review, and is posted as a plain note at the end.
"""

import base64
import zlib
from dataclasses import dataclass

# A body has twelve lines; this is ten times as much.
LONGEST_REVIEW = 20_000


@dataclass(frozen=True)
class Staged:
    run_id: str
    body: str

    @property
    def review_id(self) -> str:
        packed = base64.urlsafe_b64encode(zlib.compress(self.body.encode(), 9)).decode()
        return f"{self.run_id}.{packed}"

    @classmethod
    def read(cls, review_id: str) -> "Staged":
        run_id, _, packed = review_id.partition(".")
        return cls(run_id, zlib.decompress(base64.urlsafe_b64decode(packed)).decode())
