"""Determinations (重大判定) as the street's people record them.

The text of GB 35181-2025 is not part of the product: the record says so and rests on the fire brigade's opinion.
Source: domain.md, sections 3.2 and 3.4.
"""

from datetime import date

from app.domain.vocabulary import Severity
from app.services.demo.plan import Finding
from app.services.hazards.determine import Determination

_NEW_EDITION_FROM = date(2025, 11, 1)
_OTHER_STANDARDS = {
    "CS": ("房屋市政工程生产安全重大事故隐患判定标准（建质规〔2024〕5号）", "2024"),
    "CP": ("房屋市政工程生产安全重大事故隐患判定标准（建质规〔2024〕5号）", "2024"),
    "SE": ("GB 45067", "2024"),
    "EC": ("养老机构重大事故隐患判定标准（民办发〔2023〕13号）", "2023"),
    "LS": ("工贸企业重大事故隐患判定标准（应急管理部令第10号）", "2023"),
    "DU": ("工贸企业重大事故隐患判定标准（应急管理部令第10号）", "2023"),
    "HC": ("工贸企业重大事故隐患判定标准（应急管理部令第10号）", "2023"),
    "MG": ("工贸企业重大事故隐患判定标准（应急管理部令第10号）", "2023"),
}
_MEMBERS = ("街道安全办负责人", "街道分管领导", "区级行业主管部门代表", "消防救援大队代表")


def judge(finding: Finding, found_on: date, *, is_major: bool) -> Determination:
    """The record of a meeting that had the photos and an opinion before it."""
    prefix = finding.code.code[:2] if finding.code is not None else ""
    fire = ("GB 35181", "2025" if found_on >= _NEW_EDITION_FROM else "2017")
    standard, edition = _OTHER_STANDARDS.get(prefix, fire)
    missing = ("GB 35181-2025 第5章、第6章条文尚未录入，以消防救援机构书面意见为准",) if edition == "2025" else ()
    return Determination(
        verdict=Severity.MAJOR if is_major else Severity.GENERAL,
        standard=standard,
        edition=edition,
        clauses=(),
        facts_used=(
            f"{finding.place}：{finding.text[:120]}",
            "现场照片及检查记录",
            "主管部门现场核查意见：属重大隐患" if is_major else "主管部门现场核查意见：未达到重大隐患判定条件",
        ),
        facts_missing=missing,
        members=_MEMBERS[:3] if edition != "2025" else _MEMBERS,
    )
