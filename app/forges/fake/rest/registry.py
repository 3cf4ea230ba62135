"""Every REST endpoint of the fake, in the order in which they are tried."""

from app.forges.fake.http import Route
from app.forges.fake.rest import apps, checks, git_data, issues, pulls, repos, reviews

# Named paths come before patterns of the same length: /pulls/comments/{id} before /pulls/{number}/files.
ROUTES: tuple[Route, ...] = (
    *apps.routes.table,
    *reviews.routes.table,
    *pulls.routes.table,
    *issues.routes.table,
    *checks.routes.table,
    *git_data.routes.table,
    *repos.routes.table,
)
