"""What every way of setting up a forge has to settle: the public address, and a name for the connection."""

from app.domain.errors import UserError
from app.settings import Settings, load_settings
from app.setup.host import Host


def public_url_of(settings: Settings, url: str) -> str:
    """The one that is given, in the form settings take it; a different one may not stand in the settings."""
    given = load_settings({"home": str(settings.home), "public_url": url}, {}).public_url if url else ""
    if given and settings.public_url and given != settings.public_url:
        origin = next(origin for name, _, origin in settings.describe() if name == "public_url")
        raise UserError(f"{origin} sets public_url to {settings.public_url!r}, and --url says {given!r}; change one.")
    return given or settings.public_url


def free_key(settings: Settings, host: Host) -> str:
    """A short name that no connection has yet: "gitlab", "gitlab-2"."""
    taken = {one.key for one in settings.connections}
    keys = (host.key, *(f"{host.key[:36]}-{number}" for number in range(2, len(taken) + 3)))
    return next(key for key in keys if key not in taken)
