"""What is in the repository: nothing of one machine, one registry or one person, and locks that hold."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = ["requirements.lock", "requirements-test.lock", "requirements-build.lock"]
TOP_LEVEL = {
    "pyproject.toml",
    "app",
    "migrations",
    "openapi",
    "scripts",
    "tests",
    "Dockerfile",
    "README.md",
    "LICENSE",
    *LOCKS,
}
LARGEST_BYTES = 1_000_000
# The classes of one letter keep this file from being its own finding.
MACHINE_PATH = re.compile(r"(?<![\w./}-])/(?:[w]ork|[r]oot|[h]ome|[U]sers|opt/[p]ypi)/[\w.]")
REGISTRY = re.compile(r"[p]ypi\.org|[p]ythonhosted|[n]pmjs\.(org|com)|mirrors?\.\w+\.\w")
SECRET = re.compile(r"(^|/)(\.env(\..+)?|.*\.(pem|key|p12|sqlite3?|db)|id_(rsa|ed25519)|demo-accounts\.json)$")


def files() -> list[str]:
    """What git holds or would take in."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return sorted(name for name in set(listed) if name and (ROOT / name).is_file())


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


def findings(pattern: re.Pattern[str]) -> list[str]:
    return [f"{name}: {found[0]}" for name in files() for found in [pattern.search(text_of(name))] if found]


def pins(lock: str) -> dict[str, tuple[str, list[str]]]:
    """Name → pinned version with its marker, hashes."""
    entries = re.findall(r"^([a-z0-9._-]+)==(.+?) \\\n((?: +--hash=\S+(?: \\)?\n)+)", lock, re.MULTILINE)
    return {name: (version, re.findall(r"sha256:[0-9a-f]{64}", hashes)) for name, version, hashes in entries}


def test_git_lists_the_files():
    assert {"pyproject.toml", "tests/test_repository.py"} <= set(files())


def test_top_level_is_the_map():
    top = {name.split("/")[0] for name in files()}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL


@pytest.mark.parametrize("pattern", [MACHINE_PATH, REGISTRY], ids=["machine path", "registry"])
def test_no_file_names_a(pattern):
    assert findings(pattern) == []


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (MACHINE_PATH, "cd /" + "work/main", True),
        (MACHINE_PATH, "'/" + "home/li/x'", True),
        (MACHINE_PATH, "GET /api/v1/" + "work/1", False),
        (REGISTRY, "https://files.python" + "hosted.org/x", True),
        (REGISTRY, "the mirror that you set", False),
        (SECRET, "deploy/.env", True),
        (SECRET, "var/demo-accounts.json", True),
        (SECRET, "app/core/environment.py", False),
    ],
)
def test_pattern_finds(pattern, text, found):
    assert bool(pattern.search(text)) is found


def test_no_secrets_or_databases():
    assert [name for name in files() if SECRET.search(name)] == []


def test_no_large_files():
    assert [name for name in files() if (ROOT / name).stat().st_size > LARGEST_BYTES] == []


@pytest.mark.parametrize("name", LOCKS)
def test_lock_pins_with_hashes_and_names_no_host(name):
    text = text_of(name)
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)  # no options: index, find-links, trusted-host
    pinned = pins(text)
    assert set(pinned) == set(re.findall(r"^([a-z0-9._-]+)", text, re.MULTILINE))
    assert all(hashes for _, hashes in pinned.values())


def test_lock_is_not_older_than_the_dependencies():
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    wanted = {"requirements.lock": project["dependencies"]}
    wanted["requirements-test.lock"] = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    for lock, requirements in wanted.items():
        names = {re.split(r"[^\w.-]", requirement)[0].lower() for requirement in requirements}
        direct = re.findall(
            r"^([a-z0-9._-]+)==(?:(?!^\S).)*?xiaohao \(pyproject", text_of(lock), re.MULTILINE | re.DOTALL
        )
        assert set(direct) == names


def test_tests_run_what_is_served():
    served, tested = pins(text_of("requirements.lock")), pins(text_of("requirements-test.lock"))
    assert served.items() <= tested.items()
    assert len(tested) > len(served) > 0


def test_scripts_can_be_started():
    scripts = [path for path in (ROOT / "scripts").iterdir() if path.is_file() and path.name != "environment"]
    assert {path.name for path in scripts} >= {"run", "test", "check", "lock"}
    assert [path.name for path in scripts if path.suffix != ".py" and not path.stat().st_mode & 0o100] == []
    assert [
        path.name for path in scripts if path.suffix != ".py" and not path.read_bytes().startswith(b"#!/usr/bin/env ")
    ] == []


class TestDockerfile:
    """What the linter does not ask; an engine to build it with is not part of the tests."""

    text = text_of("Dockerfile")

    def test_is_not_run_by_the_superuser(self):
        users = re.findall(r"^USER (\S+)", self.text, re.MULTILINE)
        assert users
        assert users[-1] not in {"root", "0"}

    def test_copies_only_what_there_is_and_what_is_sent(self):
        sent = set(re.findall(r"^!([^\s*/]+)", text_of(".dockerignore"), re.MULTILINE)) | set(LOCKS)
        copied = re.findall(r"^COPY (?!--from)(.+) \S+$", self.text, re.MULTILINE)
        names = {name for line in copied for name in line.split()}
        assert names <= sent
        assert [name for name in names if not (ROOT / name).exists()] == []

    def test_checks_health_and_serves(self):
        assert "HEALTHCHECK" in self.text
        assert "/healthz" in self.text
        assert re.search(r'^(CMD|ENTRYPOINT) \["xiaohao", "serve"\]$', self.text, re.MULTILINE)
