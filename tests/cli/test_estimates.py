"""What is said before something long or costly."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rewatch.cli.terminal.estimates import run_estimate
from rewatch.tools import Budget


def agent(**policy: Any) -> Any:
    return SimpleNamespace(policy=SimpleNamespace(_llm_type="served:x", **policy), reads_prompts=True)


def trace(folder: Path, number: int, seconds: float, price: float, policy: str = "served:x") -> None:
    spend = {"frames": 0, "calls": 1, "tokens": 900, "seconds": seconds, "price": price}
    rows = [{"event": "run", "policy": policy}, {"event": "answer", "answer": {"stopped_by": "answer", "spend": spend}}]
    (folder / f"{number}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_a_run_is_estimated_where_it_costs_money_or_time(tmp_path: Path):
    free, priced = agent(), agent(input_price=1.0, output_price=5.0)
    assert run_estimate(free, tmp_path / "none", Budget()) is None
    assert "a million tokens cost 1 (input) and 5 (output)" in (run_estimate(priced, tmp_path, Budget()) or "")
    assert "price at most 0.01" in (run_estimate(priced, tmp_path, Budget(tokens=2000)) or "")
    for number, (seconds, price) in enumerate([(10, 0.001), (20, 0.002), (300, 0.003)]):
        trace(tmp_path, number, seconds, price)
    trace(tmp_path, 9, 1, 9.0, policy="another")
    (tmp_path / "broken.jsonl").write_text("{")
    told = run_estimate(priced, tmp_path, Budget()) or ""
    assert (
        told
        == "about 20 s, price about 0.002, as 3 earlier runs with this policy; at most 64 frames, 12 calls, 120 seconds"
    )
    assert run_estimate(free, tmp_path, Budget()) is None  # quick and free
    for number in range(3, 8):
        trace(tmp_path, number, 90, 0.0)
    assert (run_estimate(free, tmp_path, Budget()) or "").startswith("about 2 min, as 8 earlier runs")
