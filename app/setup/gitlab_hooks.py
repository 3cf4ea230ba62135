"""Giving a project or group its webhook: by whoever's token may, else in words for somebody who may."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.domain.errors import ForgeRefused, ForgeUnavailable, RateLimited, UserError
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.webhooks import HookWish, Owner, Webhooks
from app.setup.gitlab_access import Place

Say = Callable[[str], None]
# As GitLab's page names them.
_FIELDS = {"token": "Secret token", "signing_token": "Signing token"}


@dataclass(frozen=True)
class Given:
    """What came of it."""

    # Whose webhook is there now.
    done: Sequence[Owner] = ()
    # Whose is not: their projects are for maintainers.
    left: Sequence[Owner] = ()

    @property
    def by_project(self) -> bool:
        """Each project has its own, so those to come need one as well."""
        return all(one.kind == "project" for one in self.done)


async def give_hooks(client: GitLabClient, place: Place, wish: HookWish, say: Say) -> Given:
    """A group's own hook first: it hears projects to come. Where there is none to be had, one for each project."""
    hooks = Webhooks(client)
    if place.owner.kind == "group":
        if await _gave(hooks, place.owner, wish, say):
            return Given(done=[place.owner])
        say(
            f"{place.owner.full_path} gets no webhook of its own (that takes Premium and an owner); "
            "its projects get one each."
        )
    done = [one for one in place.projects if await _gave(hooks, one, wish, say)]
    return Given(done, [one for one in place.projects if one not in done])


async def _gave(hooks: Webhooks, owner: Owner, wish: HookWish, say: Say) -> bool:
    """False when this token may not; UserError when GitLab does not want this address."""
    try:
        done = await hooks.ensure(owner, wish)
    except ForgeRefused as refusal:
        if refusal.status in {401, 403, 404}:
            return False
        raise UserError(
            f"GitLab refuses {wish.url} as the webhook of {owner.full_path}: {refusal.message}. An address in its own "
            "network has to be allowed there: Admin, Settings, Network, Outbound requests."
        ) from None
    except (ForgeUnavailable, RateLimited) as error:
        raise UserError(f"The webhook of {owner.full_path} could not be made: {error}. Run this again.") from None
    told = "is as it was" if done == "as it was" else f"{done}: merge requests and comments go to {wish.url}"
    say(f"Webhook of {owner.full_path} {told}")
    return True


def by_hand(place: Place, left: Sequence[Owner], wish: HookWish, secret_file: str) -> str:
    """What to do where no token at hand may make a webhook."""
    where = place.owner.full_path if place.owner.kind == "group" else left[0].full_path
    field = _FIELDS[wish.secret_kind]
    return "\n".join(
        (
            f"No webhook yet in {', '.join(one.full_path for one in left)}: they are for maintainers. Either",
            "  run this again with --hook-token-file FILE, a maintainer's token; it is used once and not kept",
            f"  or make it by hand in {where}, Settings, Webhooks, with these and nothing else:",
            f"    URL            {wish.url}",
            f"    {field:<14} what stands in {secret_file}",
            "    Trigger        Comments, Merge request events",
        )
    )
