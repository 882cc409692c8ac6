"""The service as a process: it starts, says so, keeps what it was given, and ends when told."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Queue
from threading import Thread
from uuid import uuid4

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.cli import main
from tests.factories import found, shoot, visit
from tests.postgres import database

COMMAND = [sys.executable, "-m", "app.cli"]
PATIENCE_S = 60
"""Longer than anything here takes on a busy machine."""
DISTRICT, STREET = "320106", "320106011"
SECRET = "a secret key of the tests, 32 bytes or more"
MANY = 32
"""Connections, which no chance gives to one process alone."""


@pytest.fixture
def server_url(database_url):
    """An empty database of its own, or None for the embedded one."""
    if database_url.startswith("sqlite"):
        yield None
        return
    with database(database_url) as url:
        yield url


@pytest.fixture(scope="module")
def bytecode(tmp_path_factory):
    """Where the processes share what they compile; half of a start otherwise."""
    return tmp_path_factory.mktemp("bytecode")


@pytest.fixture
def environment(server_url, tmp_path, bytecode):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XIAOHAO_", "PYTHON"))}
    kept |= {
        "PYTHONPYCACHEPREFIX": str(bytecode),
        "XIAOHAO_DATA_DIR": str(tmp_path),
        "XIAOHAO_PORT": "0",
        "XIAOHAO_DEMO": "0",
    }
    if server_url is not None:
        kept |= {"XIAOHAO_DATABASE_URL": server_url, "XIAOHAO_SECRET_KEY": SECRET}
    return kept


@pytest.fixture
def run(environment):
    """Runs a command to its end."""

    def call(*arguments, **settings):
        return subprocess.run(
            [*COMMAND, *arguments], env=environment | settings, capture_output=True, text=True, timeout=PATIENCE_S
        )

    return call


class Process:
    """A server or worker; what it prints is read all the time, so that it never waits for us."""

    def __init__(self, arguments, environment):
        self._popen = subprocess.Popen([*COMMAND, *arguments], env=environment, stdout=subprocess.PIPE, text=True)
        self._lines = Queue()
        self._reader = Thread(target=self._read)
        self._reader.start()

    @property
    def pid(self):
        return self._popen.pid

    def children(self):
        """The processes that it has started and that are there."""
        return set(map(int, Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()))

    def tell(self, number):
        self._popen.send_signal(number)

    def address(self):
        """What it prints when it is ready."""
        while line := self._lines.get(timeout=PATIENCE_S):
            if ready := re.fullmatch(r"(http://127\.0\.0\.1:\d+)\n", line):
                return ready[1]
        raise AssertionError(f"ended with {self._popen.wait()}")

    def end(self, number=signal.SIGTERM):
        """Exit code after the signal, and what it printed since; fails when it goes on."""
        self.tell(number)
        code = self._popen.wait(PATIENCE_S)
        self._reader.join()
        return code, list(iter(self._lines.get_nowait, ""))

    def kill(self):
        self._popen.kill()
        self._popen.wait()
        self._reader.join()
        self._popen.stdout.close()

    def _read(self):
        for line in self._popen.stdout:
            self._lines.put(line)
        self._lines.put("")


@pytest.fixture
def serving(environment):
    """Starts a server (or worker) and ends it."""

    @contextmanager
    def start(*arguments, **settings):
        process = Process(arguments or ("serve",), environment | settings)
        try:
            yield process
        finally:
            process.kill()

    return start


def test_answers_and_ends_cleanly(serving):
    with serving() as process:
        url = process.address()
        assert httpx.get(f"{url}/healthz", timeout=PATIENCE_S).json() == {"status": "alive"}
        answer = httpx.get(f"{url}/readyz", timeout=PATIENCE_S)
        assert answer.json() == {"status": "ready"}
        assert "server" not in answer.headers
        assert process.end()[0] == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/healthz", timeout=PATIENCE_S)


def test_ctrl_c_ends_it_cleanly(serving):
    with serving() as process:
        process.address()
        assert process.end(signal.SIGINT)[0] == 0


def test_an_open_connection_does_not_keep_it(serving):
    with serving() as process, httpx.Client() as client:
        assert client.get(f"{process.address()}/healthz").status_code == 200
        assert process.end()[0] == 0


def test_one_request_is_one_line_without_names_or_tokens(serving):
    with serving(XIAOHAO_LOG_FORMAT="json") as process:
        url = process.address()
        answer = httpx.post(
            f"{url}/api/v1/auth/token", data={"grant_type": "password", "username": "zhang-san", "password": "s3cret"}
        )
        assert answer.status_code == 401
        _, lines = process.end()
    (line,) = lines
    assert json.loads(line)["trace_id"] == answer.headers["x-request-id"]
    assert "zhang-san" not in line
    assert "s3cret" not in line


@pytest.fixture
def inspector(environment, monkeypatch, capsys):
    """A street with an inspector: the form he signs in with."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for command in (
        ["migrate"],
        ["area", "add", DISTRICT, "鼓楼区"],
        ["area", "add", STREET, "建宁路街道", "--parent", DISTRICT],
        ["user", "add", "li", "--name", "李丽", "--staff-number", "1", "--role", "inspector", "--area", STREET],
    ):
        assert main(command) == 0
    password = capsys.readouterr().out.split()[1]
    return {"grant_type": "password", "username": "li", "password": password}


class TestWork:
    """A hazard fixed on the spot, from the phone to its close-out by the worker."""

    def test_is_done_beside_the_answers_and_outlives_the_process(self, serving, inspector):
        with serving("serve", "--no-worker") as process, signed_in(process.address(), inspector) as client:
            hazard_id = report_fixed_on_site(client)
            process.kill()  # what was answered is kept, however the process ends
        with serving() as process, signed_in(process.address(), inspector) as client:
            closed = until_closed(client, hazard_id)
            assert closed["close_reason"] == "on_site"
            for photo in closed["photos"]:
                answer = client.get(f"/photos/{photo['id']}/thumbnail")
                assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
            assert process.end()[0] == 0

    def test_waits_without_a_worker(self, serving, inspector, server_url):
        with serving("serve", "--no-worker") as process, signed_in(process.address(), inspector) as client:
            hazard_id = report_fixed_on_site(client)
            assert client.get(f"/hazards/{hazard_id}").json()["status"] == "awaiting_reinspection"
            if server_url is not None:
                with serving("worker") as worker:
                    assert until_closed(client, hazard_id)["close_reason"] == "on_site"
                    assert worker.end()[0] == 0


@contextmanager
def signed_in(url, form):
    with httpx.Client(base_url=f"{url}/api/v1", timeout=PATIENCE_S) as client:
        token = client.post("/auth/token", data=form).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def report_fixed_on_site(client):
    """The id of a hazard reported and fixed on one visit, its photos delivered."""
    now = datetime.now(UTC) - timedelta(minutes=1)
    shots = [shoot("before", at=now), shoot("after", at=now)]
    hazard = found(shots, now, fixed_on_site=True)
    body = visit(None, now, hazards=[hazard], shots=shots)
    area_id = client.get("/me").json()["areas"][0]["id"]
    body["premises"] = {
        "id": str(uuid4()), "name": "老张酸菜鱼", "kind": "restaurant", "area_id": area_id, "address": "建宁路2号"
    }  # fmt: skip
    del body["premises_id"]
    answer = client.put(f"/inspections/{uuid4()}", json=body)
    assert answer.status_code == 201, answer.text
    for shot in shots:
        sent = client.post("/photos", data=shot.form(), files={"file": ("a.jpg", shot.content)})
        assert sent.status_code == 201, sent.text
    return hazard["id"]


def until_closed(client, hazard_id):
    deadline = time.monotonic() + PATIENCE_S
    while (hazard := client.get(f"/hazards/{hazard_id}").json())["status"] != "closed":
        assert time.monotonic() < deadline, hazard
    return hazard


class TestSeveralProcesses:
    """Two that answer on one port and one for the jobs, watched by the process that was started."""

    @pytest.fixture(autouse=True)
    def _on_postgresql(self, server_url):
        if server_url is None:
            pytest.skip("the embedded database takes one process")

    def test_answer_as_one_and_are_replaced(self, serving, run, inspector):
        with serving("serve", "--processes", "2") as process:
            url = process.address()
            first = process.children()
            assert len(first) == 3
            answering = holders(url, first)
            assert len(answering) == 2
            with signed_in(url, inspector) as client:
                until_closed(client, report_fixed_on_site(client))
            assert counted(url, "xiaohao_job_attempts_total", kind="thumbnail", outcome="done") == 2
            ask(url, 20)
            assert answers_counted(url) == 20
            os.kill(min(answering), signal.SIGKILL)
            ask(url, 20)  # nobody waits for the dead one
            until(lambda: len(process.children()) == 3)
            assert len(process.children() & first) == 2
            assert answers_counted(url) == 40
            second = run("serve", "--processes", "2", XIAOHAO_PORT=str(httpx.URL(url).port))
            assert (second.returncode, second.stdout, second.stderr.count("\n")) == (1, "", 1)
            assert "XIAOHAO_PORT" in second.stderr
            last = process.children()
            code, lines = process.end()
            assert code == 0
            assert not any(map(is_there, last))
            assert sum("process_ended" in line for line in lines) == 1
            with socket.socket() as free:
                free.bind(("127.0.0.1", httpx.URL(url).port))

    def test_end_with_their_parent_however_it_ends(self, serving):
        command = ("serve", "--processes", "2", "--no-worker")
        with serving(*command) as process:
            url = process.address()
            first = process.children()
            left = counters_of(min(first))
            process.kill()
            until(lambda: not any(map(is_there, first)))
            assert left.is_dir()
        with serving(*command, XIAOHAO_PORT=str(httpx.URL(url).port)) as process:
            assert process.address() == url
            assert not left.exists()
            ask(url, 1)
            stuck, other = process.children()
            os.kill(stuck, signal.SIGSTOP)
            process.tell(signal.SIGTERM)
            until(lambda: not is_there(other))
            assert process.end()[0] == 0
            assert not is_there(stuck)


def counters_of(pid):
    """The folder in which a process of a node counts."""
    variables = dict(line.split("=", 1) for line in Path(f"/proc/{pid}/environ").read_text().split("\0") if line)
    return Path(variables["PROMETHEUS_MULTIPROC_DIR"])


def ask(url, times):
    for _ in range(times):
        assert httpx.get(f"{url}/healthz", timeout=PATIENCE_S).status_code == 200


def counted(url, name, **labels):
    """The value of a series, whoever is asked for it."""
    families = text_string_to_metric_families(httpx.get(f"{url}/metrics", timeout=PATIENCE_S).text)
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return next(sample.value for sample in samples if sample.labels == labels)


def answers_counted(url):
    told = {counted(url, "xiaohao_requests_total", method="GET", route="/healthz", status="2xx") for _ in range(8)}
    (count,) = told
    assert counted(url, "xiaohao_request_seconds_count", method="GET", route="/healthz") == count
    return count


def holders(url, pids):
    """Which of these processes have taken some of many connections."""
    address = ("127.0.0.1", httpx.URL(url).port)
    with ExitStack() as stack:
        for _ in range(MANY):
            stack.enter_context(socket.create_connection(address, timeout=PATIENCE_S))
        served = f"{int.from_bytes(socket.inet_aton(address[0]), 'little'):08X}:{address[1]:04X}"
        taken = {}

        def are_all_taken():
            rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
            ours = {f"socket:[{row[9]}]" for row in rows if (row[1], row[3]) == (served, "01")}
            taken.update({pid: ours & set(open_files(pid)) for pid in pids})
            return sum(map(len, taken.values())) == MANY

        until(are_all_taken)
        return {pid for pid in pids if taken[pid]}


def open_files(pid):
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            yield str(link.readlink())


def is_there(pid):
    """Not even as a process that has ended and whose parent does not know it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(is_so):
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline


class TestRefusal:
    def test_a_second_server_on_the_embedded_database(self, serving, run, server_url):
        with serving() as process:
            url = process.address()
            if server_url is None:
                second = run("serve")
                assert (second.returncode, second.stdout, second.stderr.count("\n")) == (1, "", 1)
                assert "is served already" in second.stderr
            else:
                with serving() as second:
                    assert httpx.get(f"{second.address()}/readyz", timeout=PATIENCE_S).status_code == 200
            assert run("user", "list").returncode == 0
            assert httpx.get(f"{url}/readyz", timeout=PATIENCE_S).status_code == 200

    def test_a_port_in_use(self, run):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            refused = run("serve", XIAOHAO_PORT=str(taken.getsockname()[1]))
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
        assert "XIAOHAO_PORT" in refused.stderr

    def test_an_unknown_setting(self, run):
        refused = run("serve", XIAOHAO_PROT="1")
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
        assert "XIAOHAO_PROT is not a setting" in refused.stderr

    def test_another_secret_than_the_data_was_kept_with(self, run, serving):
        assert run("migrate").returncode == 0
        refused = run("serve", XIAOHAO_SECRET_KEY="another secret key than the first one, also long")
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
