from pathlib import Path

from cli.dev.log_follower import LogFollower


def test_only_warnings_and_worse_are_news_and_each_is_logged_once(tmp_path: Path) -> None:
    log_file = tmp_path / "api.log"
    log_file.write_text(
        '{"event":"started","level":"info"}\nnot json\n[1]\n{"event":"slow","level":"warning","seconds":2}\n'
    )
    follower = LogFollower("api", log_file)
    assert follower.news() == ["api: warning: slow seconds=2"]
    assert follower.news() == []


def test_a_half_written_line_is_shown_when_it_is_whole(tmp_path: Path) -> None:
    log_file = tmp_path / "sync.log"
    log_file.write_text('{"event":"redis_')
    follower = LogFollower("sync", log_file)
    assert follower.news() == []
    with log_file.open("a") as log:
        log.write('away","level":"error"}\n')
    assert follower.news() == ["sync: error: redis_away"]
