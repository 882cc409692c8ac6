"""The walk in the README, as printed, against a server started as the README says."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.servers import demo_server

ROOT = Path(__file__).parents[1]


def test_the_walk_works_as_printed(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.search(r"^## The main job, by hand\n(.*?)^## ", readme, re.MULTILINE | re.DOTALL)
    assert section is not None
    steps = re.findall(r"^```bash\n(.*?)^```", section[1], re.MULTILINE | re.DOTALL)
    assert len(steps) >= 6
    with demo_server(tmp_path) as url:
        script = "set -euo pipefail\n" + "\n".join(steps)
        environment = os.environ | {
            "API": f"{url}/api/v1",
            "ACCOUNTS": str(tmp_path / "demo-accounts.json"),
            "PYTHON": sys.executable,
        }
        walked = subprocess.run(
            ["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=120, cwd=ROOT
        )
    assert walked.returncode == 0, walked.stderr + walked.stdout[-2000:]
    lines = walked.stdout.splitlines()
    assert "closed" in lines
    seen = [line.split()[1:] for line in lines if re.match(r"^\d+ (hazard|inspection|photo) ", line)]
    assert [line[3] for line in seen if line[0] == "hazard"][-1] == "closed"
    assert {line[0] for line in seen} == {"hazard", "inspection", "photo"}
