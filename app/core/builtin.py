"""The reference data that ships with the product: read once, checked strictly, never changed.

Rows are generic records with the column names of the files in ``app/data``; what they mean is decided
elsewhere. A missing or unknown column, an empty cell where text is due, a bad number or an unknown word
raises ``BadData`` with file and line: a broken file must stop the start.
"""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from functools import cache
from importlib.metadata import version as package_version
from importlib.resources import files
from itertools import groupby
from types import MappingProxyType
from typing import Literal, TypeVar, get_args, get_origin, get_type_hints

import chinese_calendar  # type: ignore[import-untyped]  # the package ships no types

from app.core.workdays import CalendarDay

Row = TypeVar("Row")

FIRST_SEED_YEAR = 2020
CHECKLIST_VERSION = 1

Domain = Literal[
    "fire",
    "work_safety",
    "gas",
    "electrical",
    "management",
    "construction",
    "hazchem",
    "special_equipment",
]
Section = Literal[
    "消防设施",
    "防火分隔",
    "疏散",
    "厨房油烟",
    "燃气",
    "用电",
    "电动自行车",
    "可燃物与住人",
    "危险物品",
    "施工动火",
    "作业安全",
    "管理",
]
Clock = Literal[
    "rectification",
    "service",
    "extension_decision",
    "reinspection",
    "transfer",
    "transfer_receipt",
    "major_report",
    "complaint_onsite",
]
Approver = Literal["office", "leader", "district"]


class BadData(ValueError):
    """A built-in file is not what its description says."""


@dataclass(frozen=True, slots=True)
class CatalogueFinding:
    """A standard finding (隐患目录条目): one observable fact with its legal basis, proof and interim control.

    ``default_days`` are calendar days, 0 = on the spot; ``applies_to`` lists premises kinds or is ``("all",)``.
    """

    code: str
    domain: Domain
    category_zh: str
    finding_zh: str
    finding_en: str
    legal_basis_zh: str
    severity: Literal["general", "suspected_major"]
    immediate_fix: bool
    paper_type: bool
    default_days: int
    deep: bool
    shared_part: bool
    evidence_zh: str
    verify_zh: str
    interim_zh: str
    applies_to: tuple[str, ...]
    verified: Literal["source", "memory"]

    def applies_to_kind(self, premises_kind: str) -> bool:
        return self.applies_to == ("all",) or premises_kind in self.applies_to


@dataclass(frozen=True, slots=True)
class PremisesKindRow:
    """A premises kind (场所类型) and the checklist used there."""

    code: str
    name_zh: str
    checklist_code: str


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """A default deadline as written in the file: ``*`` and ``any`` match everything."""

    policy_code: str
    clock: Clock
    severity: Literal["general", "suspected_major", "*"]
    category_zh: str
    immediate_fix: Literal["0", "1", "any"]
    default_days: int
    counting_basis: Literal["calendar", "working"]
    max_extensions: int
    max_total_days: int
    approver_first: Approver
    approver_next: Approver
    next_if_over_total_days: int | None
    origin: Literal["product default"]
    notes_zh: str | None


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One question of a guided check; "yes" always means 合格."""

    checklist_code: str
    premises_kind: str
    item_no: int
    section_zh: Section
    item_zh: str
    where_zh: str
    how_zh: str
    pass_zh: str
    why_zh: str
    photo_zh: str
    catalogue_codes: tuple[str, ...]
    deep: bool
    required_photo: bool
    night_variant: bool


@dataclass(frozen=True, slots=True)
class Checklist:
    """A checklist (检查表) in one version; items are numbered 1, 2, 3, … without gaps."""

    code: str
    version: int
    premises_kind: str
    items: tuple[ChecklistItem, ...]

    @property
    def item_count(self) -> int:
        return len(self.items)


@cache
def catalogue() -> Mapping[str, CatalogueFinding]:
    """The hazard catalogue by code, in the order of the file."""
    rows = _read("hazard_catalogue.csv", CatalogueFinding)
    return MappingProxyType(_by_key("hazard_catalogue.csv", rows, lambda row: row.code))


@cache
def categories() -> tuple[str, ...]:
    """The categories of findings (隐患类别) in the order of the catalogue."""
    return tuple(dict.fromkeys(finding.category_zh for finding in catalogue().values()))


@cache
def premises_kinds() -> Mapping[str, PremisesKindRow]:
    """The closed vocabulary of premises kinds by code."""
    rows = _read("premises_kinds.csv", PremisesKindRow)
    return MappingProxyType(_by_key("premises_kinds.csv", rows, lambda row: row.code))


@cache
def policies() -> Mapping[str, PolicyRow]:
    """The default deadlines by policy code, for every clock."""
    rows = _read("deadline_policy.csv", PolicyRow)
    return MappingProxyType(_by_key("deadline_policy.csv", rows, lambda row: row.policy_code))


@cache
def checklists() -> Mapping[str, Checklist]:
    """The built-in checklists by code, each in version 1."""
    made: dict[str, Checklist] = {}
    for code, group in groupby(_read("checklists.csv", ChecklistItem), key=lambda item: item.checklist_code):
        items = tuple(group)
        if code in made or [item.item_no for item in items] != list(range(1, len(items) + 1)):
            raise BadData(f"checklists.csv: items of {code} are not together and numbered from 1")
        if len({item.premises_kind for item in items}) != 1:
            raise BadData(f"checklists.csv: {code} names more than one premises kind")
        made[code] = Checklist(code, CHECKLIST_VERSION, items[0].premises_kind, items)
    return MappingProxyType(made)


@cache
def seed_calendar_days() -> tuple[CalendarDay, ...]:
    """Every day from 2020 to the last year whose notice the calendar library knows, in order.

    A year counts as known when the library has its National Day, the last holiday of a notice: asked beyond
    that it would refuse. Source: lifecycle.md, «Deadlines» (ask whether a day is a workday, never its name).
    """
    last_year = max(day.year for day in chinese_calendar.holidays if day.month == 10)
    source = f"chinesecalendar {package_version('chinesecalendar')}"
    first = date(FIRST_SEED_YEAR, 1, 1)
    days = (first + timedelta(days=n) for n in range((date(last_year + 1, 1, 1) - first).days))
    return tuple(CalendarDay(day, bool(chinese_calendar.is_workday(day)), source) for day in days)


def parse_table(name: str, text: str, row_type: type[Row]) -> list[Row]:
    """The rows of a built-in table as ``row_type``, a dataclass whose fields are exactly the columns, in order.

    Cells: text must not be empty (``str | None`` may), booleans are 0/1, numbers are plain digits, lists are
    separated by ``;``, a ``Literal`` names all allowed words. Raises ``BadData`` with the line.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns = [field.name for field in fields(row_type)]  # type: ignore[arg-type]  # any dataclass
    hints = get_type_hints(row_type)
    try:
        if (header := next(reader, [])) != columns:
            raise BadData(f"{name}: columns {header} instead of {columns}")
        rows = []
        for cells in reader:
            if len(cells) != len(columns):
                raise BadData(f"{name}, line {reader.line_num}: {len(cells)} cells instead of {len(columns)}")
            where = f"{name}, line {reader.line_num}, "
            values = (_cell(where + column, hints[column], cell) for column, cell in zip(columns, cells, strict=True))
            rows.append(row_type(*values))
    except csv.Error as error:
        raise BadData(f"{name}, line {reader.line_num}: {error}") from error
    return rows


def _read(name: str, row_type: type[Row]) -> list[Row]:
    return parse_table(name, (files("app") / "data" / name).read_text(encoding="utf-8"), row_type)


def _by_key(name: str, rows: list[Row], key: Callable[[Row], str]) -> dict[str, Row]:
    keyed = {key(row): row for row in rows}
    if len(keyed) != len(rows):
        raise BadData(f"{name}: a key occurs twice")
    return keyed


def _cell(where: str, hint: object, cell: str) -> object:
    if get_origin(hint) is Literal:
        if cell not in get_args(hint):
            raise BadData(f"{where}: {cell!r} is none of {get_args(hint)}")
        return cell
    try:
        return _CELLS[hint](cell)
    except ValueError as error:
        raise BadData(f"{where}: {error}") from error


def _text(cell: str) -> str:
    if not cell or cell != cell.strip():
        raise ValueError(f"{cell!r} is empty or has blanks around it")
    return cell


def _flag(cell: str) -> bool:
    if cell not in {"0", "1"}:
        raise ValueError(f"{cell!r} is neither 0 nor 1")
    return cell == "1"


def _number(cell: str) -> int:
    if not (cell.isascii() and cell.isdigit()):
        raise ValueError(f"{cell!r} is not a number")
    return int(cell)


def _list(cell: str) -> tuple[str, ...]:
    items = tuple(_text(item) for item in cell.split(";"))
    if len(set(items)) != len(items):
        raise ValueError(f"{cell!r} names something twice")
    return items


_CELLS: Mapping[object, Callable[[str], object]] = {
    str: _text,
    str | None: lambda cell: _text(cell) if cell else None,
    bool: _flag,
    int: _number,
    int | None: lambda cell: _number(cell) if cell else None,
    tuple[str, ...]: _list,
}
