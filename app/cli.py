"""The ``xiaohao`` command: exit code 0 done, 1 failed, 2 used wrongly; errors on one line of standard error.

Source: contract.md, «Commands».
"""

import argparse
import json
import secrets
import string
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import NoReturn, TypeAlias
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from app.access.passwords import PasswordRules, hash_password
from app.api.matrix import matrix_lines
from app.api.openapi import as_text, audience_documents, first_difference
from app.core.clock import utc_now
from app.core.config import BadSettings, Settings, load_settings
from app.core.database import Database, make_engine
from app.core.errors import DomainError
from app.core.logging import configure_logging
from app.core.storage import Storage
from app.core.supervisor import NeverReady
from app.domain.vocabulary import Role
from app.jobs.worker import Worker
from app.main import CannotServe, build_routes, create_app, only_server, open_port, run_worker, serve
from app.processes import SharedPort, run_child, supervise
from app.queries.jobs import count_jobs, list_dead_jobs
from app.queries.operators import (
    AccountLine,
    get_area_by_code,
    has_users,
    list_all_areas,
    list_all_clients,
    list_all_users,
)
from app.services import operators
from app.services.accounts import NewUser, Term, create_client, create_user
from app.services.areas import create_area
from app.services.calendar_import import import_notice
from app.services.demo import load_demo
from app.services.installation import install, open_runtime
from app.services.jobs import replay_dead
from app.services.readiness import NotReady, check_ready
from app.services.runtime import Runtime

Command = Callable[[argparse.Namespace, Settings], None]


class _Refused(Exception):
    """The command cannot do it; the message is one line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    given = _parser().parse_args(arguments)
    command: Command = given.command
    try:
        command(given, load_settings(**_chosen(given)))
    except BadSettings as error:
        return _complain(str(error), 2)
    except (_Refused, CannotServe, NeverReady) as error:
        return _complain(str(error), 1)
    except DomainError as error:
        return _complain(f"{error.code}: {error.detail}", 1)
    except DBAPIError as error:
        return _complain(f"the database refused: {str(error.orig).strip().splitlines()[0]}", 1)
    except OSError as error:
        return _complain(f"{error.filename}: {error.strerror}" if error.filename else str(error), 1)
    except KeyboardInterrupt:
        return _complain("interrupted", 130)
    return 0


def _chosen(given: argparse.Namespace) -> dict[str, object]:
    """The settings that the command line names."""
    named = {name: getattr(given, name, None) for name in ("host", "port", "processes")}
    return {name: value for name, value in named.items() if value is not None}


def _port(given: str) -> int:
    port = int(given)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is not a port (0 to 65535)")
    return port


def _complain(message: str, code: int) -> int:
    print(f"xiaohao: {' '.join(message.split())}", file=sys.stderr)
    return code


def _serve(given: argparse.Namespace, settings: Settings) -> None:
    configure_logging(settings.log_format)
    has_worker = settings.worker and not given.no_worker
    if settings.process_count > 1:
        with closing(SharedPort(settings.host, settings.port)) as port:
            with _installed(settings):
                pass
            supervise(port, settings.process_count, has_worker=has_worker, on_ready=_show)
        return
    with (
        only_server(settings),
        closing(open_port(settings.host, settings.port)) as listener,
        _installed(settings) as runtime,
    ):
        worker = Worker(runtime) if has_worker else None
        serve(create_app(runtime, worker=worker), listener, on_ready=_show)


@contextmanager
def _installed(settings: Settings) -> Iterator[Runtime]:
    """The runtime over a database that is of this release, with the demo street where that is wanted."""
    install(settings)
    runtime = open_runtime(settings)
    with closing(runtime.db):
        with runtime.db.read() as session:
            is_empty = not has_users(session)
        if settings.wants_demo and is_empty:
            _load_demo(runtime)
        yield runtime


def _show(address: str) -> None:
    print(address, flush=True)


def _child(given: argparse.Namespace, settings: Settings) -> None:
    configure_logging(settings.log_format)
    run_child(settings, given.seat, given.listener)


def _work(_given: argparse.Namespace, settings: Settings) -> None:
    if settings.is_embedded:
        raise _Refused("the embedded database has its worker inside `xiaohao serve`; separate workers need PostgreSQL")
    configure_logging(settings.log_format)
    runtime = open_runtime(settings)
    with closing(runtime.db):
        check_ready(runtime.db, runtime.storage)
        run_worker(Worker(runtime))


def _migrate(_given: argparse.Namespace, settings: Settings) -> None:
    install(settings)


def _demo(_given: argparse.Namespace, settings: Settings) -> None:
    install(settings)
    runtime = open_runtime(settings)
    with closing(runtime.db):
        _load_demo(runtime)


def _load_demo(runtime: Runtime) -> None:
    """Load the demo street and show its accounts; raises ``NotEmpty`` when there is any account."""
    print("loading the demo street: half a minute at most", flush=True)
    accounts_file = runtime.settings.data_dir / "demo-accounts.json"
    report = load_demo(runtime, now=runtime.clock(), accounts_file=accounts_file)
    for account in report.accounts:
        name = account.get("username") or account["client_id"]
        secret = account.get("password") or account["client_secret"]
        print(f"{name:<38}{account['role']:<11}{secret}")
    print(f"These accounts stand in {accounts_file}", flush=True)


def _add_user(given: argparse.Namespace, settings: Settings) -> None:
    password, is_made = _password(given)
    password_hash = hash_password(password, PasswordRules.of(settings))
    with _database(settings) as db, db.write() as session:
        new = NewUser(
            username=given.username,
            staff_number=given.staff_number,
            name=given.name,
            role=Role(given.role),
            password_hash=password_hash,
            terms=[Term(get_area_by_code(session, code).id) for code in given.area],
            certificate_no=given.certificate,
            certificate_valid_to=given.certificate_valid_to,
        )
        create_user(session, new, now=utc_now())
    if is_made:
        print(f"password: {password}")


def _set_password(given: argparse.Namespace, settings: Settings) -> None:
    password, is_made = _password(given)
    password_hash = hash_password(password, PasswordRules.of(settings))
    with _database(settings) as db, db.write() as session:
        operators.give_password(session, given.username, password_hash=password_hash, now=utc_now())
    if is_made:
        print(f"password: {password}")


def _disable_user(given: argparse.Namespace, settings: Settings) -> None:
    with _database(settings) as db, db.write() as session:
        operators.disable_user(session, given.username, now=utc_now())


def _add_client(given: argparse.Namespace, settings: Settings) -> None:
    with _database(settings) as db, db.write() as session:
        area_id = get_area_by_code(session, given.area).id
        client, secret = create_client(session, name=given.name, area_id=area_id, now=utc_now())
        client_id = client.id
    print(f"client_id: {client_id}\nclient_secret: {secret}")


def _disable_client(given: argparse.Namespace, settings: Settings) -> None:
    with _database(settings) as db, db.write() as session:
        operators.disable_client(session, given.client_id, now=utc_now())


def _add_area(given: argparse.Namespace, settings: Settings) -> None:
    with _database(settings) as db, db.write() as session:
        parent_id = get_area_by_code(session, given.parent).id if given.parent else None
        create_area(session, code=given.code, name=given.name, parent_id=parent_id)


def _list_areas(_given: argparse.Namespace, settings: Settings) -> None:
    with _database(settings) as db, db.read() as session:
        for area in list_all_areas(session):
            print(f"{area.code:<16}{area.level:<11}{area.name}")


def _import_calendar(given: argparse.Namespace, settings: Settings) -> None:
    content = given.file.read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:  # what spreadsheets save in China
        text = content.decode("gb18030", errors="replace")
    with _database(settings) as db:
        report = import_notice(db, text, given.file.name, now=utc_now())
    written = ", ".join(str(year) for year in report.years) or "none"
    known = ", ".join(str(year) for year in report.known_years) or "none"
    print(
        f"years written: {written}; known already: {known}; due dates settled: {report.settled}, moved: {report.moved}"
    )


def _jobs(given: argparse.Namespace, settings: Settings) -> None:
    with _database(settings) as db, db.write() as session:
        if given.replay:
            print(f"queued again: {replay_dead(session, now=utc_now())}")
        counts = count_jobs(session)
        print(", ".join(f"{state}: {counts.get(state, 0)}" for state in ("queued", "running", "done", "dead")))
        for job in list_dead_jobs(session):
            print(f"{job.id}  {job.kind}  {job.attempts} attempts  {job.last_error}")


def _openapi(given: argparse.Namespace, _settings: Settings) -> None:
    for audience, document in audience_documents(build_routes().openapi()).items():
        path: Path = given.out / f"{audience}.json"
        if not given.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(as_text(document), encoding="utf-8")
            continue
        kept = json.loads(path.read_text(encoding="utf-8"))
        if (pointer := first_difference(kept, document)) is not None:
            raise _Refused(f"{path} is not what is served: first difference at {pointer}; run xiaohao openapi")


def _matrix(_given: argparse.Namespace, _settings: Settings) -> None:
    for line in matrix_lines(build_routes().openapi()):
        print(line)


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    """The installed database, for a command that may run beside a server."""
    with closing(Database(make_engine(settings.sqlalchemy_url, pool_size=2))) as db:
        try:
            check_ready(db, Storage(settings.storage_root))
        except NotReady as error:
            raise _Refused(f"{error.detail} xiaohao migrate sets a database up.") from error
        yield db


def _listing(read: Callable[[Session], list[AccountLine]]) -> Command:
    """The command that prints these accounts."""

    def run(_given: argparse.Namespace, settings: Settings) -> None:
        with _database(settings) as db, db.read() as session:
            for account in read(session):
                state = "active" if account.is_active else "disabled"
                print(f"{account.name:<38}{account.role:<17}{state:<10}{' '.join(account.areas)}")

    return run


def _password(given: argparse.Namespace) -> tuple[str, bool]:
    """The password, and whether it was made here and must be shown."""
    if given.password_stdin:
        return sys.stdin.readline().rstrip("\r\n"), False
    letters = string.ascii_letters + string.digits
    made = "".join(secrets.choice(letters) for _ in range(16))
    return f"{secrets.choice(string.ascii_uppercase)}{made}{secrets.choice(string.digits)}a", True


class _Parser(argparse.ArgumentParser):
    """Complains on one line, as everything else here does."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


_Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="xiaohao", description="销号: fire hazards tracked until each one is closed.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    served = _add(commands, "serve", _serve, "migrate, then answer on the address in the settings")
    served.add_argument("--host", help="instead of XIAOHAO_HOST")
    served.add_argument("--port", type=_port, metavar="PORT", help="0: any that is free")
    served.add_argument("--processes", type=int, metavar="N", help="that answer (PostgreSQL)")
    served.add_argument("--no-worker", action="store_true", help="run no jobs here")
    child = commands.add_parser("child")  # what ``serve`` starts; without a help it is not listed
    child.set_defaults(command=_child)
    child.add_argument("seat", type=int)
    child.add_argument("listener", type=int, nargs="?")
    _add(commands, "worker", _work, "run jobs in a process of its own (PostgreSQL)")
    _add(commands, "migrate", _migrate, "bring the database to this release")
    _add(commands, "demo", _demo, "load the demo street into an empty database")
    _add_account_commands(commands)
    imports = _group(commands, "import", "take in data")
    calendar = _add(
        imports, "calendar", _import_calendar, "a year's holiday notice; the same one twice changes nothing"
    )
    calendar.add_argument("file", type=Path, help="CSV: date,is_workday[,note], one line for each exception")
    jobs = _add(commands, "jobs", _jobs, "how many jobs wait, and which were given up")
    jobs.add_argument("--replay", action="store_true", help="queue those that were given up again")
    _add(commands, "matrix", _matrix, "who may do what: every operation, every role")
    documents = _add(commands, "openapi", _openapi, "write the OpenAPI documents")
    documents.add_argument("--out", type=Path, default=Path("openapi"), metavar="DIR")
    documents.add_argument("--check", action="store_true", help="compare instead of writing")
    return parser


def _add_account_commands(commands: _Commands) -> None:
    users = _group(commands, "user", "people's accounts")
    added = _add(users, "add", _add_user, "make an account")
    added.add_argument("username")
    added.add_argument("--name", required=True)
    added.add_argument("--staff-number", required=True, help="one person, one account")
    added.add_argument("--role", required=True, choices=[role.value for role in Role])
    added.add_argument("--area", required=True, action="append", metavar="CODE", help="may be given several times")
    added.add_argument("--certificate", metavar="NUMBER", help="an officer's")
    added.add_argument("--certificate-valid-to", type=date.fromisoformat, metavar="DATE")
    changed = _add(users, "password", _set_password, "give an account a new password")
    changed.add_argument("username")
    for parser in (added, changed):
        parser.add_argument("--password-stdin", action="store_true", help="its first line; else one is made and shown")
    _add(users, "list", _listing(list_all_users), "every account")
    _add(users, "deactivate", _disable_user, "disable an account").add_argument("username")
    clients = _group(commands, "client", "machine clients of a district")
    added = _add(clients, "add", _add_client, "make a client and show its secret, once")
    added.add_argument("name")
    added.add_argument("--area", required=True, metavar="CODE")
    _add(clients, "list", _listing(list_all_clients), "every client")
    _add(clients, "deactivate", _disable_client, "disable a client").add_argument("client_id", type=UUID)
    areas = _group(commands, "area", "districts, streets, communities, grids")
    added = _add(areas, "add", _add_area, "add an area")
    added.add_argument("code", help="6, 9, 12 or 14 digits")
    added.add_argument("name")
    added.add_argument("--parent", metavar="CODE", help="none for a district")
    _add(areas, "list", _list_areas, "every area")


def _group(commands: _Commands, name: str, summary: str) -> _Commands:
    group = commands.add_parser(name, help=summary, description=summary)
    return group.add_subparsers(required=True, metavar="COMMAND")


def _add(commands: _Commands, name: str, run: Command, summary: str) -> _Parser:
    parser = commands.add_parser(name, help=summary, description=summary)
    parser.set_defaults(command=run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
