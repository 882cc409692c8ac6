"""The commands: what they do, what they print, and how they refuse on one line."""

import json
import re
from io import StringIO
from uuid import uuid4

import pytest
from sqlalchemy import select

from app.access.passwords import verify_password
from app.api.matrix import matrix_lines
from app.cli import main
from app.core.clock import utc_now
from app.core.config import load_settings
from app.core.database import Database, make_engine
from app.main import build_routes
from app.models import Client, Job, Token, User
from app.services.jobs import enqueue
from tests.factories import sign_in
from tests.postgres import database

PASSWORD = "Tested-2026-well"
DISTRICT, STREET, COMMUNITY = "320106", "320106011", "320106011002"


@pytest.fixture(scope="module")
def environment(request, database_url, tmp_path_factory):
    """A database of its own, installed by the command, with three areas."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XIAOHAO_DATA_DIR", str(tmp_path_factory.mktemp("data") / "xiaohao"))
        if database_url.startswith("sqlite"):
            assert install() == 0
            yield
            return
        with database(database_url) as url:
            patch.setenv("XIAOHAO_DATABASE_URL", url)
            patch.setenv("XIAOHAO_SECRET_KEY", "a secret key of the tests, 32 bytes or more")
            assert install() == 0
            yield


def install():
    return max(
        main(["migrate"]),
        main(["area", "add", DISTRICT, "鼓楼区"]),
        main(["area", "add", STREET, "建宁路街道", "--parent", DISTRICT]),
        main(["area", "add", COMMUNITY, "金川门社区", "--parent", STREET]),
    )


@pytest.fixture
def run(environment, capsys):
    """Runs a command: exit code, standard output, standard error."""

    def call(*arguments):
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = ended.code
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def db(environment):
    made = Database(make_engine(load_settings().sqlalchemy_url, pool_size=2))
    yield made
    made.close()


def test_the_folder_of_the_data_is_the_services_alone(environment):
    assert load_settings().data_dir.stat().st_mode & 0o777 == 0o700


@pytest.fixture
def typed(monkeypatch):
    """What comes by standard input."""

    def put(text):
        monkeypatch.setattr("sys.stdin", StringIO(text))

    return put


def add_user(run, *more, role="inspector", area=STREET):
    name = f"u{uuid4().hex[:8]}"
    answer = run("user", "add", name, "--name", "李丽", "--staff-number", name, "--role", role, "--area", area, *more)
    return name, answer


def user_of(db, name):
    with db.read() as session:
        return session.execute(select(User).where(User.username == name)).scalar_one_or_none()


class TestUser:
    def test_gets_a_password_that_is_shown_once(self, run, db):
        name, (code, out, err) = add_user(run, "--area", COMMUNITY)
        assert (code, err) == (0, "")
        password = re.fullmatch(r"password: (\S{18,})\n", out)[1]
        assert verify_password(password, user_of(db, name).password_hash)
        code, out, _ = run("user", "list")
        assert re.search(rf"^{name} +inspector +active +{STREET} {COMMUNITY}$", out, re.MULTILINE)
        assert password not in out

    def test_may_be_given_one_by_standard_input(self, run, db, typed):
        typed(f"{PASSWORD}\n")
        name, (code, out, _) = add_user(run, "--password-stdin")
        assert (code, out) == (0, "")
        assert verify_password(PASSWORD, user_of(db, name).password_hash)

    def test_a_new_password_ends_what_was_open(self, run, db, typed):
        name, _ = add_user(run)
        user = user_of(db, name)
        with db.write() as session:
            sign_in(session, utc_now(), user_id=user.id)
        typed(PASSWORD)
        assert run("user", "password", name, "--password-stdin") == (0, "", "")
        assert verify_password(PASSWORD, user_of(db, name).password_hash)
        with db.read() as session:
            assert session.execute(select(Token.revoked_at).where(Token.user_id == user.id)).scalar_one()

    def test_is_deactivated_and_stays_in_the_list(self, run, db):
        name, _ = add_user(run)
        assert run("user", "deactivate", name) == (0, "", "")
        assert run("user", "deactivate", name) == (0, "", "")
        assert re.search(rf"^{name} +inspector +disabled ", run("user", "list")[1], re.MULTILINE)

    @pytest.mark.parametrize(
        ("arguments", "code", "says"),
        [
            (["user", "deactivate", "nobody"], 1, "xiaohao: not-found: There is no account nobody."),
            (["user", "password", "nobody"], 1, "xiaohao: not-found: There is no account nobody."),
            (["user"], 2, "COMMAND"),
            (["user", "add", "x"], 2, "required"),
        ],
    )
    def test_refusal_is_one_line(self, run, arguments, code, says):
        answer = run(*arguments)
        assert answer[:2] == (code, "")
        assert says in answer[2]
        assert answer[2].count("\n") == 1

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"area": "999999"}, "There is no area 999999."),
            ({"area": DISTRICT}, "One to eight different areas"),
            ({"role": "officer"}, "certificate"),
            ({"role": "king"}, "invalid choice"),
        ],
    )
    def test_an_account_that_does_not_fit_is_not_made(self, run, db, change, says):
        name, (code, out, err) = add_user(run, **change)
        assert code in {1, 2}
        assert out == ""
        assert says in err
        assert user_of(db, name) is None

    def test_a_weak_password_is_refused(self, run, db, typed):
        typed("123456\n")
        name, (code, _, err) = add_user(run, "--password-stdin")
        assert (code, err.count("\n")) == (1, 1)
        assert user_of(db, name) is None

    def test_an_officer_has_a_certificate(self, run, db):
        name, (code, _, err) = add_user(
            run, "--certificate", "320106000001", "--certificate-valid-to", "2027-12-31", role="officer"
        )
        assert (code, err) == (0, "")
        assert user_of(db, name).certificate_valid_to.isoformat() == "2027-12-31"


class TestClient:
    def test_gets_a_secret_once_and_can_be_disabled(self, run, db):
        code, out, err = run("client", "add", "区级平台", "--area", DISTRICT)
        assert (code, err) == (0, "")
        client_id, secret = re.fullmatch(r"client_id: (\S+)\nclient_secret: (\S+)\n", out).groups()
        listed = run("client", "list")[1]
        assert re.search(rf"^{client_id} +district client +active +{DISTRICT}$", listed, re.MULTILINE)
        assert secret not in listed
        assert run("client", "deactivate", client_id) == (0, "", "")
        with db.read() as session:
            assert not session.get_one(Client, client_id).is_active

    def test_refusals(self, run):
        unknown = uuid4()
        assert run("client", "deactivate", unknown) == (1, "", f"xiaohao: not-found: There is no client {unknown}.\n")
        code, _, err = run("client", "deactivate", "not-an-id")
        assert (code, err.count("\n")) == (2, 1)


def test_areas_are_listed_as_a_tree(run):
    lines = run("area", "list")[1].splitlines()
    assert [line.split()[0] for line in lines] == [DISTRICT, STREET, COMMUNITY]
    code, _, err = run("area", "add", "320107001", "别处", "--parent", DISTRICT)
    assert (code, err.count("\n")) == (1, 1)


def test_migrate_twice_changes_nothing(run):
    assert run("migrate") == (0, "", "")
    assert len(run("area", "list")[1].splitlines()) == 3


class TestImportCalendar:
    def test_says_what_it_did(self, run, tmp_path):
        notice = tmp_path / "2031.csv"
        notice.write_bytes("date,is_workday,note\n2031-01-01,0,元旦\n".encode("gb18030"))
        first = run("import", "calendar", notice)
        assert first == (0, "years written: 2031; known already: none; due dates settled: 0, moved: 0\n", "")
        second = run("import", "calendar", notice)
        assert second == (0, "years written: none; known already: 2031; due dates settled: 0, moved: 0\n", "")

    @pytest.mark.parametrize("text", ["", "date\n", "date,is_workday\n2031-13-01,0\n", "PK\x03\x04"])
    def test_a_bad_file_is_refused_on_one_line(self, run, tmp_path, text):
        notice = tmp_path / "bad.csv"
        notice.write_text(text)
        code, out, err = run("import", "calendar", notice)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert "Line 1" in err or "Line 2" in err

    def test_a_file_that_is_not_there(self, run, tmp_path):
        code, _, err = run("import", "calendar", tmp_path / "none.csv")
        assert (code, err) == (1, f"xiaohao: {tmp_path / 'none.csv'}: No such file or directory\n")


def test_dead_jobs_are_shown_and_queued_again(run, db):
    with db.write() as session:
        enqueue(session, "thumbnail", "x", {"photo_id": str(uuid4())}, now=utc_now())
    with db.write() as session:
        job = session.execute(select(Job)).scalar_one()
        job.state, job.attempts, job.last_error = "dead", 12, "FileNotFoundError at thumbnails.py:40"
    code, out, _ = run("jobs")
    assert (code, out.splitlines()[0]) == (0, "queued: 0, running: 0, done: 0, dead: 1")
    assert "thumbnail  12 attempts  FileNotFoundError at thumbnails.py:40" in out
    code, out, _ = run("jobs", "--replay")
    assert out == "queued again: 1\nqueued: 1, running: 0, done: 0, dead: 0\n"


def test_the_matrix_is_printed_as_it_is_tested(run):
    code, out, _ = run("matrix")
    assert code == 0
    assert out.splitlines() == list(matrix_lines(build_routes().openapi()))


class TestOpenapi:
    def test_written_and_compared(self, run, tmp_path):
        assert run("openapi", "--out", tmp_path) == (0, "", "")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["district.json", "field.json", "office.json"]
        assert run("openapi", "--out", tmp_path, "--check") == (0, "", "")
        changed = json.loads((tmp_path / "field.json").read_text())
        changed["paths"]["/healthz"]["get"]["summary"] = "Other"
        (tmp_path / "field.json").write_text(json.dumps(changed))
        code, _, err = run("openapi", "--out", tmp_path, "--check")
        assert (code, err.count("\n")) == (1, 1)
        assert "/paths/~1healthz/get/summary" in err

    def test_a_missing_file_fails_the_check(self, run, tmp_path):
        code, _, err = run("openapi", "--out", tmp_path, "--check")
        assert (code, err.count("\n")) == (1, 1)


@pytest.mark.parametrize(
    "command",
    [
        [], ["serve"], ["worker"], ["migrate"], ["demo"], ["user"], ["user", "add"], ["client", "add"],
        ["area", "add"], ["import"], ["import", "calendar"], ["jobs"], ["openapi"], ["matrix"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_command_has_help(run, command):
    code, out, err = run(*command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: {' '.join(['xiaohao', *command])}")


class TestSettings:
    @pytest.mark.parametrize(
        ("name", "value"),
        [("XIAOHAO_PROT", "1"), ("XIAOHAO_PORT", "many"), ("XIAOHAO_DATABASE_URL", "mysql://a/b")],
    )
    def test_a_wrong_one_stops_the_start_with_one_line(self, run, monkeypatch, name, value):
        monkeypatch.setenv(name, value)
        code, out, err = run("migrate")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert name in err

    def test_a_database_that_does_not_answer(self, run, monkeypatch):
        monkeypatch.setenv("XIAOHAO_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/x")
        monkeypatch.setenv("XIAOHAO_SECRET_KEY", "a secret key of the tests, 32 bytes or more")
        code, _, err = run("migrate")
        assert (code, err.count("\n")) == (1, 1)

    def test_one_that_was_never_installed(self, run, monkeypatch, tmp_path):
        monkeypatch.delenv("XIAOHAO_DATABASE_URL", raising=False)
        monkeypatch.setenv("XIAOHAO_DATA_DIR", str(tmp_path))
        code, _, err = run("user", "list")
        assert (code, err.count("\n")) == (1, 1)
        assert "xiaohao migrate" in err

    @pytest.mark.parametrize("is_named", [True, False])
    def test_the_embedded_database_takes_one_process(self, run, monkeypatch, is_named):
        monkeypatch.delenv("XIAOHAO_DATABASE_URL", raising=False)
        if is_named:
            monkeypatch.setenv("XIAOHAO_PROCESSES", "2")
        code, out, err = run("serve", *([] if is_named else ["--processes", "2"]))
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith("xiaohao: XIAOHAO_PROCESSES: ")

    def test_the_embedded_database_has_no_separate_worker(self, run, monkeypatch, tmp_path):
        monkeypatch.delenv("XIAOHAO_DATABASE_URL", raising=False)
        code, _, err = run("worker")
        assert (code, err.count("\n")) == (1, 1)
        assert "PostgreSQL" in err
