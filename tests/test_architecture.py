"""The map of the house holds: who imports whom, and what a package must not contain."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
LEVELS = {
    "core": 0,
    "domain": 1,
    "models": 2,
    "access": 3,
    "queries": 4,
    "services": 5,
    "api": 6,
    "jobs": 6,
    "main": 7,
    "processes": 8,
    "cli": 9,
}
LEFT_OF_API = {package for package, level in LEVELS.items() if level < LEVELS["api"]}
HTTP = ("fastapi", "starlette", "uvicorn", "httpx")
CLOCK_READINGS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}
CLOCK_READERS = {
    "app.core.clock": "is the clock",
    "app.core.ids": "a UUIDv7 holds the moment it was made",
    "app.core.storage": "compares with the times of files, which are the machine's",
}
COMMITTERS = {"app.services.installation": "a migration has its own connection and no session"}
SQL_WORDS = {"select", "insert", "update", "delete", "text", "func", "exists", "union_all"}
SESSION_WORK = {"exec", "execute", "scalar", "scalars", "add", "add_all", "delete", "flush", "get", "merge"}
MADE_ONCE = {"create_engine", "create_app", "FastAPI", "Settings", "load_settings", "Database"}


class Module(NamedTuple):
    """One module of ``app``, its name dotted; a package's ``__init__`` has the package's name."""

    name: str
    tree: ast.Module
    is_package: bool = False

    @property
    def package(self) -> str:
        return f"{self.name}.".split(".")[1]

    @property
    def folder(self) -> str:
        return self.name if self.is_package else self.name.rpartition(".")[0]


class Import(NamedTuple):
    """``name`` is None for ``import module``."""

    line: int
    module: str
    name: str | None

    @property
    def path(self) -> str:
        return f"{self.module}.{self.name}" if self.name else self.module

    def is_of(self, *modules: str) -> bool:
        return any(f"{self.path}.".startswith(f"{module}.") for module in modules)


def imports(tree: ast.AST) -> Iterator[Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (Import(node.lineno, "." * node.level + (node.module or ""), alias.name) for alias in node.names)


def calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and the last two names of what is called: ``session.exec`` for ``self.session.exec(…)``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.lineno, ".".join(ast.unparse(node.func).split(".")[-2:])


def wrong_direction(module: Module) -> Iterator[str]:
    level = LEVELS.get(module.package)
    for found in imports(module.tree):
        if not found.is_of("app"):
            continue
        target = f"{found.path}.".split(".")[1]
        if target not in LEVELS or level is None:
            yield f"{found.line}: {found.path}: a package that is not on the map"
        elif target != module.package and LEVELS[target] >= level:
            yield f"{found.line}: {module.package} imports {found.path}"


def hidden_imports(module: Module) -> Iterator[str]:
    if module.package == "cli":
        return
    for outer in ast.walk(module.tree):
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (
                f"{found.line}: {found.path} inside a function" for found in imports(outer) if found.is_of("app")
            )
    for line, name in calls(module.tree):
        if name in {"__import__", "importlib.import_module", "import_module"}:
            yield f"{line}: {name}()"


def private_imports(module: Module) -> Iterator[str]:
    """A ``_name`` belongs to its module, a module ``_name`` to its folder."""
    for found in imports(module.tree):
        if not found.is_of("app"):
            continue
        parts = found.path.split(".")
        private = next((index for index, part in enumerate(parts) if part.startswith("_")), None)
        if private is None:
            continue
        owner = ".".join(parts[:private])
        is_module = (ROOT / Path(*parts[: private + 1])).with_suffix(".py").is_file()
        if module.name != owner and not (is_module and f"{module.folder}.".startswith(f"{owner}.")):
            yield f"{found.line}: {found.path} is private"


def relative_imports(module: Module) -> Iterator[str]:
    yield from (f"{found.line}: {found.module}" for found in imports(module.tree) if found.module.startswith("."))


def clock(module: Module) -> Iterator[str]:
    """Time comes in as ``now``; outside it is asked of the clock that the application was made with."""
    if module.name not in CLOCK_READERS:
        yield from (f"{line}: {name}()" for line, name in calls(module.tree) if name in CLOCK_READINGS)
    if module.package in LEFT_OF_API - {"core"}:
        yield from (f"{line}: {name}()" for line, name in calls(module.tree) if name.split(".")[-1] == "utc_now")
        for node in ast.walk(module.tree):
            is_default = isinstance(node, ast.keyword) and node.arg in {"default_factory", "default", "onupdate"}
            if is_default and ast.unparse(node.value).endswith("utc_now"):
                yield f"{node.value.lineno}: {node.arg}=utc_now"


def environment(module: Module) -> Iterator[str]:
    if module.name == "app.core.config":
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}:
            yield f"{node.lineno}: {ast.unparse(node)}"
    yield from (
        f"{found.line}: {found.path}" for found in imports(module.tree) if found.is_of("os.environ", "os.getenv")
    )


def made_at_import(module: Module) -> Iterator[str]:
    for statement in module.tree.body:
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.If):
            yield from (f"{line}: {name}()" for line, name in calls(statement) if name.split(".")[-1] in MADE_ONCE)


def http(module: Module) -> Iterator[str]:
    if module.package in LEFT_OF_API - {"core"}:
        yield from (f"{found.line}: {found.path}" for found in imports(module.tree) if found.is_of(*HTTP))


def impure_domain(module: Module) -> Iterator[str]:
    if module.package != "domain":
        return
    banned = (
        "sqlalchemy",
        "sqlmodel",
        "psycopg",
        "sqlite3",
        "pydantic_settings",
        "os",
        "pathlib",
        "socket",
        "structlog",
        "logging",
        "app.core.config",
        "app.core.database",
        "app.core.storage",
    )
    yield from (f"{found.line}: {found.path}" for found in imports(module.tree) if found.is_of(*banned))
    yield from (f"{line}: {name}()" for line, name in calls(module.tree) if name in {"open", "print", "input"})


def rules_in_models(module: Module) -> Iterator[str]:
    if module.package == "models":
        yield from (f"{line}: {name}()" for line, name in calls(module.tree) if name in {"select", "session.exec"})


def writing_queries(module: Module) -> Iterator[str]:
    if module.package != "queries":
        return
    for line, name in calls(module.tree):
        if name.startswith("session.") and name.split(".")[1] in {"add", "add_all", "delete", "merge", "flush"}:
            yield f"{line}: {name}()"
    for found in imports(module.tree):
        if found.is_of("sqlalchemy", "sqlmodel") and found.name in {"insert", "update", "delete"}:
            yield f"{found.line}: {found.path}"


def ended_transactions(module: Module) -> Iterator[str]:
    if module.package in {"queries", "services", "api"} and module.name not in COMMITTERS:
        for line, name in calls(module.tree):
            if name.split(".")[-1] in {"commit", "rollback"}:
                yield f"{line}: {name}()"


def sql_in_api(module: Module) -> Iterator[str]:
    if module.package != "api":
        return
    for line, name in calls(module.tree):
        if name.startswith("session.") and name.split(".")[1] in SESSION_WORK:
            yield f"{line}: {name}()"
    for found in imports(module.tree):
        if found.is_of("sqlalchemy", "sqlmodel") and found.name in SQL_WORDS:
            yield f"{found.line}: {found.path}"


def status_changed_in_api(module: Module) -> Iterator[str]:
    if module.package != "api":
        return
    for node in ast.walk(module.tree):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for target in targets:
            if isinstance(target, ast.Attribute) and target.attr == "status":
                yield f"{target.lineno}: {ast.unparse(target)} ="


def bare_http_errors(module: Module) -> Iterator[str]:
    """A refusal is a ``DomainError`` with a code; only the handler knows the framework's own errors."""
    if module.package == "api" and module.name != "app.api.problems":
        for line, name in calls(module.tree):
            if name.split(".")[-1] == "HTTPException":
                yield f"{line}: {name}()"


RULES = [
    wrong_direction,
    hidden_imports,
    private_imports,
    relative_imports,
    clock,
    environment,
    made_at_import,
    http,
    impure_domain,
    rules_in_models,
    writing_queries,
    ended_transactions,
    sql_in_api,
    status_changed_in_api,
    bare_http_errors,
]


def modules() -> list[Module]:
    found = []
    for path in sorted((ROOT / "app").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        found.append(Module(name, ast.parse(path.read_text(encoding="utf-8")), is_package))
    return [module for module in found if module.name != "app"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_module_breaks(rule):
    broken = [f"{module.name}:{violation}" for module in modules() for violation in rule(module)]
    assert broken == []


def test_every_package_is_on_the_map_and_was_read():
    assert {module.package for module in modules()} == set(LEVELS)


@pytest.mark.parametrize("folder", ["data", "web"])
def test_folder_without_python(folder):
    assert list((ROOT / "app" / folder).rglob("*.py")) == []


@pytest.mark.parametrize(
    ("rule", "name", "source"),
    [
        (wrong_direction, "app.domain.deadlines", "from app.models.hazard import Hazard"),
        (wrong_direction, "app.domain.deadlines", "def f():\n    import app.services.hazards"),
        (wrong_direction, "app.core.ids", "from app import domain"),
        (wrong_direction, "app.api.hazards", "from app.jobs import worker"),
        (wrong_direction, "app.jobs.worker", "from app.api.deps import actor"),
        (wrong_direction, "app.services.hazards", "if TYPE_CHECKING:\n    from app.main import create_app"),
        (wrong_direction, "app.api.hazards", "from app.helpers import x"),
        (hidden_imports, "app.services.hazards", "def f():\n    from app.services.photos import store"),
        (hidden_imports, "app.services.hazards", "class A:\n    async def f(self):\n        import app.models"),
        (hidden_imports, "app.core.ids", "importlib.import_module('app.models')"),
        (private_imports, "app.services.photos", "from app.services.hazards import _record"),
        (private_imports, "app.services.photos", "from app.services.hazards._record import record"),
        (relative_imports, "app.core.ids", "from .clock import utc_now"),
        (clock, "app.services.hazards", "now = datetime.now(UTC)"),
        (clock, "app.api.hazards", "now = datetime.datetime.utcnow()"),
        (clock, "app.core.database", "started = time.time()"),
        (clock, "app.queries.hazards", "def f():\n    return utc_now().date()"),
        (clock, "app.models.hazard", "x = Field(default_factory=utc_now)"),
        (environment, "app.services.hazards", "x = os.environ['HOME']"),
        (environment, "app.jobs.worker", "from os import getenv"),
        (made_at_import, "app.main", "app = create_app(load_settings())"),
        (http, "app.services.hazards", "from fastapi import HTTPException"),
        (http, "app.access.actor", "import starlette.requests"),
        (impure_domain, "app.domain.lifecycle", "from sqlmodel import Session"),
        (impure_domain, "app.domain.lifecycle", "from app.core.database import Database"),
        (impure_domain, "app.domain.lifecycle", "def f():\n    return open('x').read()"),
        (rules_in_models, "app.models.hazard", "def f(session):\n    return session.exec(q)"),
        (writing_queries, "app.queries.hazards", "def f(session):\n    session.add(x)"),
        (writing_queries, "app.queries.hazards", "from sqlmodel import update"),
        (ended_transactions, "app.services.hazards", "def f(session):\n    session.commit()"),
        (sql_in_api, "app.api.hazards", "def f(session):\n    session.exec(q)"),
        (sql_in_api, "app.api.district.changes", "from sqlmodel import select"),
        (status_changed_in_api, "app.api.hazards", "def f(hazard):\n    hazard.status = Status.CLOSED"),
        (bare_http_errors, "app.api.hazards", "def f():\n    raise fastapi.HTTPException(404)"),
    ],
)
def test_rule_sees_a_planted_violation(rule, name, source):
    assert list(rule(Module(name, ast.parse(source)))) != []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("app.domain.deadlines", "from app.core.errors import Rejected\nfrom datetime import date"),
        (
            "app.api.hazards",
            "from app.services import hazards\nfrom sqlmodel import Session\nfrom fastapi import APIRouter",
        ),
        ("app.main", "def create_app(settings):\n    from fastapi import FastAPI\n    return FastAPI()"),
        ("app.core.clock", "def utc_now():\n    return datetime.now(UTC)"),
        ("app.queries.hazards", "def f(session):\n    return session.exec(select(Hazard)).all()"),
        ("app.services.runtime", "from app.core.clock import utc_now\ndef f(clock=utc_now):\n    return clock()"),
        ("app.services.hazards.claim", "def f(session, hazard):\n    hazard.status = target\n    session.add(hazard)"),
    ],
)
def test_rules_let_ordinary_code_pass(name, source):
    assert [violation for rule in RULES for violation in rule(Module(name, ast.parse(source)))] == []
