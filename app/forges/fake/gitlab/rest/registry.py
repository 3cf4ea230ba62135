"""Every endpoint of the fake GitLab."""

from app.forges.fake.gitlab.call import Route
from app.forges.fake.gitlab.rest import hooks, merge_requests, notes, projects, repository

ROUTES: tuple[Route, ...] = (
    *projects.routes.table,
    *merge_requests.routes.table,
    *notes.routes.table,
    *repository.routes.table,
    *hooks.routes.table,
)
