"""The report in a real browser: nothing is asked of the network, nothing runs, nothing is complained about."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from rewatch.agent.answer import Draft, Evidence
from rewatch.agent.report import write_report

from ...media_files import write_video
from ..recorded import Recorder

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")

HOSTILE = (
    "<script>document.title='owned'</script><img src='http://rewatch.invalid/x.png' onerror=\"document.title='owned'\">"
    "</style></title></details><style>@import 'http://rewatch.invalid/x.css';</style>"
    "<iframe src='http://rewatch.invalid/frame'></iframe><svg onload=\"document.title='owned'\"></svg>"
    "<meta http-equiv=refresh content='0;url=http://rewatch.invalid/'>"
)


class Visit:
    """What the browser made of a page: its document afterwards, its complaints, and what it asked the network for."""

    def __init__(self, page: Path, folder: Path) -> None:
        assert CHROMIUM is not None
        log = folder / "net.json"
        done = subprocess.run(
            [
                CHROMIUM,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                f"--user-data-dir={folder / 'profile'}",
                "--enable-logging=stderr",
                f"--log-net-log={log}",
                "--timeout=8000",
                "--dump-dom",
                page.as_uri(),
            ],
            capture_output=True,
            timeout=120,
        )
        self.document = done.stdout.decode("utf-8", "replace")
        self.complaints = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if "CONSOLE" in line]
        self.network = log.read_text(encoding="utf-8", errors="replace")

    @property
    def title(self) -> str:
        found = re.search(r"<title>(.*?)</title>", self.document, re.DOTALL)
        return found[1] if found else ""


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Visit:
    """The report of a run in which the question, the policy, the tools and the video's text are all hostile."""
    folder = tmp_path_factory.mktemp("browser")
    video = write_video(folder / "talk.mp4", frames=120, fps=10)
    run = Recorder(folder / "run.jsonl", f"What? {HOSTILE}", options=(HOSTILE, "no"), paths={"0a1b2c3d": str(video)})
    run.say(HOSTILE, ("search_clips", {HOSTILE: HOSTILE}))
    uri = "video:0a1b2c3d#t=2,6"
    run.observe(f"«{HOSTILE}»", uri, data={HOSTILE: [HOSTILE]})
    evidence = (Evidence(claim=HOSTILE, uri=uri, tool=HOSTILE, quote=HOSTILE),)
    run.end(Draft(text=HOSTILE, option="A", confidence=0.9, evidence=evidence), stopped_by=HOSTILE)
    return Visit(write_report(folder / "run.jsonl", folder / "page.html"), folder)


def test_the_page_is_shown_whole(visit: Visit) -> None:
    assert visit.document.rstrip().endswith("</body></html>")
    assert 'id="evidence-1"' in visit.document and "data:image/jpeg;base64," in visit.document


def test_nothing_is_complained_about(visit: Visit) -> None:
    """A refused style or picture would be a complaint, so this also tells that the page's own are allowed."""
    assert visit.complaints == []


def test_hostile_text_neither_runs_nor_reaches_the_network(visit: Visit) -> None:
    assert visit.title.startswith("What? &lt;script&gt;")
    assert "<iframe" not in visit.document and "<script" not in visit.document
    assert "rewatch.invalid" not in visit.network


def test_the_same_text_unescaped_would_have(tmp_path: Path) -> None:
    """So that the tests above can fail: the browser does run and fetch what stands in a page."""
    page = tmp_path / "page.html"
    refused = "<meta http-equiv=Content-Security-Policy content=\"style-src 'none'\"><p style='color:red'>"
    body = HOSTILE.replace("<meta http-equiv=refresh", "<p")
    page.write_text(f"<!doctype html><title>clean</title>{body}{refused}", encoding="utf-8")
    visit = Visit(page, tmp_path)
    assert visit.title == "owned"
    assert "rewatch.invalid" in visit.network
    assert visit.complaints
