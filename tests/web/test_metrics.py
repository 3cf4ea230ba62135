"""Who may read the figures, and that they are figures of this process."""

from pathlib import Path

from tests.web.conftest import Desk, serving_desk


async def test_without_a_token_figures_are_for_this_machine_only(desk: Desk) -> None:
    page = await desk.stranger.get("/metrics")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "corrigent_deliveries_waiting 0.0" in page.text
    elsewhere = [{"Host": "evil.example"}, {"X-Forwarded-For": "10.0.0.1"}, {"Forwarded": "for=10.0.0.1"}]
    assert [(await desk.stranger.get("/metrics", headers=given)).status_code for given in elsewhere] == [403] * 3


async def test_with_a_token_it_opens_them_from_anywhere(tmp_path: Path) -> None:
    async with serving_desk(tmp_path / "home", metrics_token="s3cret") as desk:
        ask = desk.stranger.get
        assert (await ask("/metrics")).status_code == 401
        assert (await ask("/metrics", headers={"Authorization": "Bearer guess"})).status_code == 401
        right = {"Authorization": "Bearer s3cret", "Host": "corrigent.monitoring"}
        assert (await ask("/metrics", headers=right)).status_code == 200


async def test_deliveries_at_the_door_are_counted(desk: Desk) -> None:
    assert (await desk.stranger.post("/hooks/nobody", content=b"{}")).status_code == 404
    page = (await desk.stranger.get("/metrics")).text
    assert 'corrigent_hooks_total{connection="",status="404"} 1.0' in page
