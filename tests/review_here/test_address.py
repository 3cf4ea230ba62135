"""The address of a pull request: what is one, what it leads to, and what is said of everything else."""

import pytest

from app.domain.errors import UserError
from app.reviewing.address import is_address, parse_address


@pytest.mark.parametrize(
    ("text", "web_url", "api_url"),
    [
        ("https://github.com/acme/shop/pull/12", "https://github.com", "https://api.github.com"),
        ("https://github.com:443/acme/shop/pull/12/", "https://github.com", "https://api.github.com"),
        ("https://www.github.com/acme/shop/pull/12/files?w=1#diff-1", "https://github.com", "https://api.github.com"),
        ("HTTPS://GitHub.com/acme/shop/pull/12", "https://github.com", "https://api.github.com"),
        ("https://ghe.acme.com/acme/shop/pull/12", "https://ghe.acme.com", "https://ghe.acme.com/api/v3"),
        (
            "https://ghe.acme.com:8443/acme/shop/pull/12",
            "https://ghe.acme.com:8443",
            "https://ghe.acme.com:8443/api/v3",
        ),
        ("https://acme.ghe.com/acme/shop/pull/12", "https://acme.ghe.com", "https://api.acme.ghe.com"),
        ("http://127.0.0.1:8080/acme/shop/pull/12", "http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v3"),
        ("http://[::1]:8080/acme/shop/pull/12", "http://[::1]:8080", "http://[::1]:8080/api/v3"),
    ],
)
def test_an_address_leads_to_its_own_host(text: str, web_url: str, api_url: str) -> None:
    address = parse_address(text)
    assert (address.web_url, address.api_url) == (web_url, api_url)
    assert (address.full_name, address.number) == ("acme/shop", 12)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://github.com/acme/shop", "is not the address of a pull request; use https://HOST/OWNER/REPO/pull/N"),
        ("https://github.com/acme/shop/pull/0", "is not the address of a pull request"),
        ("https://github.com/acme/shop/pull/12345678901", "is not the address of a pull request"),
        ("https://github.com/acme/shop/issues/12", "is not the address of a pull request"),
        ("https://github.com/../shop/pull/12", "is not the address of a pull request"),
        ("https://github.com/acme/../pull/12", "is not the address of a pull request"),
        ("https://github.com/acme%2f../shop/pull/12", "is not the address of a pull request"),
        ("http://github.com/acme/shop/pull/12", "is plain http, which anybody on the way can read"),
        ("http://127.0.0.1.evil.com/acme/shop/pull/12", "is plain http"),
        ("http://169.254.169.254/acme/shop/pull/12", "is plain http"),
        ("http://2130706433/acme/shop/pull/12", "is plain http"),
        ("http://0.0.0.0/acme/shop/pull/12", "is plain http"),
        ("https://user:ghp_secret@github.com/acme/shop/pull/12", "Leave user names, passwords and tokens out"),
        ("https://github.com@evil.com/acme/shop/pull/12", "Leave user names, passwords and tokens out"),
        ("https://github.com\\@evil.com/acme/shop/pull/12", "holds characters that no address"),
        ("https://github.com/acme/shop/pull/12\r\nHost: evil", "holds characters that no address"),
        ("https://gıthub.com/acme/shop/pull/12", "holds characters that no address"),
        ("https://github.com:99999/acme/shop/pull/12", "That is not an address"),
        ("https:///acme/shop/pull/12", "is not the address of a pull request"),
        ("file:///etc/passwd", "is not the address of a pull request"),
        ("ext::sh://github.com/acme/shop/pull/12", "is not the address of a pull request"),
        ("ssh://github.com/acme/shop/pull/12", "is not the address of a pull request"),
        ("https://gitlab.com/shop/-/merge_requests/1", "or https://HOST/GROUP/PROJECT/-/merge_requests/N"),
        ("https://gitlab.com/acme/../-/merge_requests/1", "is not the address of a pull request"),
        ("https://gitlab.com/acme/shop/-/merge_requests/0", "is not the address of a pull request"),
        ("https://gitlab.com/acme/shop/-/issues/1", "is not the address of a pull request"),
        ("https://oauth2:glpat-secret@gitlab.com/acme/shop/-/merge_requests/1", "set GITHUB_TOKEN or GITLAB_TOKEN"),
        ("https://x/" + "a" * 5000, "is not the address of a pull request"),
    ],
)
def test_everything_else_is_named_with_the_wish(text: str, told: str) -> None:
    with pytest.raises(UserError) as error:
        parse_address(text)
    assert told in str(error.value)
    assert "ghp_secret" not in str(error.value)
    assert "glpat-secret" not in str(error.value)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    ("text", "sites", "web_url", "full_name"),
    [
        ("https://gitlab.com/acme/shop/-/merge_requests/12", (), "https://gitlab.com", "acme/shop"),
        ("https://gitlab.com/acme/a/b/shop/-/merge_requests/12/diffs?x=1#n", (), "https://gitlab.com", "acme/a/b/shop"),
        ("https://git.acme.com:8443/a/shop/-/merge_requests/12", (), "https://git.acme.com:8443", "a/shop"),
        (
            "https://git.acme.com/git/a/shop/-/merge_requests/12",
            ("https://git.acme.com/git",),
            "https://git.acme.com/git",
            "a/shop",
        ),
        (
            "https://git.acme.com/gita/shop/-/merge_requests/12",
            ("https://git.acme.com/git",),
            "https://git.acme.com",
            "",
        ),
    ],
)
def test_a_merge_request_is_found_below_its_groups(
    text: str, sites: tuple[str, ...], web_url: str, full_name: str
) -> None:
    address = parse_address(text).below(sites)
    assert (address.kind, address.web_url, address.number) == ("gitlab", web_url, 12)
    assert address.full_name == (full_name or "gita/shop")
    assert address.api_url == f"{web_url}/api/v4"


@pytest.mark.parametrize("text", [".", "..", "/a/b", "C:work", "github.com/a/b/pull/1", "a:b", ""])
def test_what_has_no_scheme_is_a_folder(text: str) -> None:
    assert not is_address(text)
