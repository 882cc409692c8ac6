"""Modules, functions and signatures stay small; the limits are the house's, not wishes."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
APP_LINES, TEST_LINES, FUNCTION_LINES, PARAMETERS, POSITIONAL = 500, 600, 60, 6, 4
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def parameters(function: Function) -> list[str]:
    """Names without ``self`` and ``cls``; ``*args`` and ``**kwargs`` count."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, arguments.vararg, *arguments.kwonlyargs, arguments.kwarg]
    return [argument.arg for argument in named if argument and argument.arg not in {"self", "cls"}]


def long_modules(path: str, source: str) -> Iterator[str]:
    limit = TEST_LINES if path.startswith("tests/") else APP_LINES
    if (lines := len(source.splitlines())) > limit:
        yield f"{path}: {lines} lines"


def long_functions(path: str, source: str) -> Iterator[str]:
    for function in functions(ast.parse(source)):
        if (lines := function.end_lineno - function.lineno + 1) > FUNCTION_LINES:
            yield f"{path}:{function.lineno} {function.name}: {lines} lines"


def wide_signatures(path: str, source: str) -> Iterator[str]:
    if path.startswith("tests/"):
        return  # a test asks for its fixtures by name
    for function in functions(ast.parse(source)):
        if (count := len(parameters(function))) > PARAMETERS:
            yield f"{path}:{function.lineno} {function.name}: {count} parameters"


def unnamed_arguments(path: str, source: str) -> Iterator[str]:
    if not path.startswith(("app/queries/", "app/services/")):
        return
    for function in ast.parse(source).body:
        if isinstance(function, Function) and not function.name.startswith("_"):
            positional = len(function.args.posonlyargs) + len(function.args.args)
            if positional > POSITIONAL:
                yield f"{path}:{function.lineno} {function.name}: {positional} positional parameters"


LIMITS = [long_modules, long_functions, wide_signatures, unnamed_arguments]


def sources() -> dict[str, str]:
    """Our Python by path; a migration is as long as its tables, and its functions have no parameters."""
    paths = [path for folder in ("app", "tests", "scripts") for path in (ROOT / folder).rglob("*") if path.is_file()]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths if is_python(path)}


def is_python(path: Path) -> bool:
    if path.suffix or path.parent.name != "scripts":
        return path.suffix == ".py"
    return "python" in path.read_text(encoding="utf-8").partition("\n")[0]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.__name__)
def test_nothing_is_over(limit):
    assert [excess for path, source in sources().items() for excess in limit(path, source)] == []


def test_all_parts_are_measured():
    assert {path.split("/")[0] for path in sources()} >= {"app", "tests"}


BODY = "    pass\n"


@pytest.mark.parametrize(
    ("limit", "path", "over", "within"),
    [
        (long_modules, "app/core/x.py", "x = 1\n" * 501, "x = 1\n" * 500),
        (long_modules, "tests/x.py", "x = 1\n" * 601, "x = 1\n" * 600),
        (long_functions, "app/core/x.py", "def f():\n" + BODY * 60, "def f():\n" + BODY * 59),
        (long_functions, "tests/x.py", "class A:\n def f():\n" + BODY * 60, "class A:\n def f():\n" + BODY * 59),
        (wide_signatures, "app/core/x.py", "def f(a, b, c, *d, e, f, **g): ...", "def f(a, b, c, *d, e, f): ..."),
        (
            wide_signatures,
            "app/core/x.py",
            "async def f(a, b, c, d, e, f, g): ...",
            "def f(self, a, b, c, d, e, f): ...",
        ),
        (unnamed_arguments, "app/queries/x.py", "def f(a, b, c, d, e): ...", "def f(a, b, c, d, *, e): ..."),
        (unnamed_arguments, "app/services/x/y.py", "def f(a, b, c, d, e): ...", "def _f(a, b, c, d, e): ..."),
    ],
)
def test_limit_is_exact(limit, path, over, within):
    assert list(limit(path, over)) != []
    assert list(limit(path, within)) == []
