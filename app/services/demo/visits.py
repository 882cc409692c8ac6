"""Who visited which place when, and what was found there: 900 visits with 1,500 findings over 200 days."""

import random
from datetime import timedelta

from app.core import builtin
from app.core.builtin import CatalogueFinding
from app.domain.vocabulary import InspectionKind, PhotoRole, PhotoSource, PremisesKind
from app.services.demo.plan import Days, Finding, Shot, Site, Visit, scene_of, street_data

_K = PremisesKind
DAYS = 199
FINDINGS = 1500
SUSPECTED = 36
FREE_TEXT = 25
_MOST = 9
"""Findings of one visit."""
_COMES_BACK_AFTER = 9
"""Days between a finding and the same one at the same place."""

VISITS = {
    _K.MARKET: 88,
    _K.COMPLEX: 64,
    _K.RESTAURANT: 150,
    _K.STREET_SHOP: 120,
    _K.NINE_SMALL: 50,
    _K.THREE_IN_ONE: 32,
    _K.RENTAL_HOUSING: 50,
    _K.RESIDENTIAL: 60,
    _K.ELDERLY_CARE: 14,
    _K.KINDERGARTEN: 14,
    _K.WAREHOUSE: 20,
    _K.INDUSTRIAL: 20,
    _K.CONSTRUCTION_SITE: 24,
    _K.HOTEL: 18,
    _K.OFFICE: 10,
    _K.ENTERTAINMENT: 8,
    _K.MEDICAL: 8,
}
STALL_VISITS = 150

_USUAL = {
    _K.MARKET: 4.0,
    _K.COMPLEX: 2.6,
    _K.THREE_IN_ONE: 2.0,
    _K.WAREHOUSE: 2.0,
    _K.INDUSTRIAL: 2.2,
    _K.CONSTRUCTION_SITE: 2.0,
    _K.OFFICE: 0.7,
    _K.NINE_SMALL: 0.9,
}
"""Findings of an average visit; 1.4 elsewhere."""

_FREQUENT = {
    "EV-001": 14, "EX-001": 9, "EX-002": 11, "EX-003": 9, "EL-001": 10, "EL-003": 5, "EL-004": 10, "EL-005": 6,
    "LT-001": 9, "LT-002": 8, "LT-003": 4, "EB-001": 6, "EB-002": 8, "EB-003": 6, "FD-001": 6, "FD-002": 5,
    "FD-003": 8, "WA-001": 6, "WA-002": 5, "ST-005": 7, "KT-001": 8, "KT-002": 4, "GA-003": 6, "AL-006": 5,
    "FL-001": 6, "EV-002": 5, "EV-007": 8, "MU-005": 5, "MG-002": 4, "MG-003": 3, "CS-003": 6, "CS-004": 6,
}  # fmt: skip
"""Weights; 2 for the other codes, halved for documents and what stops work."""


def make_visits(r: random.Random, days: Days, sites: list[Site]) -> list[Visit]:
    """The visits in the order of their receipt, with their findings; the same for the same ``r``."""
    visits = [
        _visit(r, days, site, age) for chosen, count in _chosen(r, sites) for site, age in _rounds(r, chosen, count)
    ]
    visits.sort(key=lambda visit: visit.received_at)
    _share_out(r, visits)
    for visit in visits:
        _photograph(r, visit)
    return visits


def _chosen(r: random.Random, sites: list[Site]) -> list[tuple[list[Site], int]]:
    by_kind: dict[PremisesKind, list[Site]] = {}
    for site in sites:
        if site.parent is None:
            by_kind.setdefault(site.kind, []).append(site)
    stalls = r.sample([site for site in sites if site.parent is not None], 110)
    return [(by_kind[kind], count) for kind, count in VISITS.items()] + [(stalls, STALL_VISITS)]


def _rounds(r: random.Random, sites: list[Site], count: int) -> list[tuple[Site, int]]:
    """Each place as often as the others (once more or less), its visits spread over the days, denser of late."""
    made = []
    for place, site in enumerate(r.sample(sites, len(sites))):
        times = count // len(sites) + (place < count % len(sites))
        for turn in range(times):
            share = (turn + r.random()) / times
            made.append((site, 1 + int((DAYS - 1) * share**1.35)))
    return made


def _visit(r: random.Random, days: Days, site: Site, age: int) -> Visit:
    kind = _kind(r, site, age)
    if kind is InspectionKind.NIGHT_CHECK:
        minute = r.uniform(19.5 * 60, 20.6 * 60)
    else:
        minute = r.uniform(8.6 * 60, 13 * 60 if age == 1 else 16.4 * 60)
    lasts = r.uniform(35, 55) if site.kind in {_K.MARKET, _K.COMPLEX} else r.uniform(12, 35)
    sent = minute + lasts + (r.uniform(1, 8) if r.random() < 0.95 or age == 1 else r.uniform(20, 35))
    is_late = age > 2 and r.random() < 0.04
    by, *others = _team(r, site, kind)
    return Visit(
        site=site,
        age=age,
        kind=kind,
        by=by,
        others=tuple(others),
        started_at=days.at(age, minute),
        ended_at=days.at(age, minute + lasts),
        received_at=days.at(age, sent),
        photos_at=days.at(age - 1, r.uniform(480, 510)) if is_late else days.at(age, sent + r.uniform(1, 9)),
        offset_ms=None if r.random() < 0.012 else r.randrange(-2500, 2500),
        with_checklist=r.random() < 0.75,
    )


def _kind(r: random.Random, site: Site, age: int) -> InspectionKind:
    if not site.is_registered:
        return InspectionKind.PATROL
    kinds = {
        InspectionKind.PATROL: 68,
        InspectionKind.NIGHT_CHECK: 0 if age == 1 else 10,
        InspectionKind.ADMIN_INSPECTION: 10 if site.parent is None else 0,
        InspectionKind.JOINT: 6,
        InspectionKind.COMPLAINT: 5,
    }
    return r.choices(list(kinds), weights=list(kinds.values()))[0]


def inspectors_of(site: Site) -> list[str]:
    """Four cover the whole street, one each community."""
    return ["inspector1", "inspector2", "inspector3", "inspector4", f"inspector{5 + site.community}"]


def _team(r: random.Random, site: Site, kind: InspectionKind) -> list[str]:
    pool = inspectors_of(site)
    if kind is InspectionKind.ADMIN_INSPECTION:
        return r.sample(["officer1", "officer2"], 2)
    own = pool[-1] if r.random() < 0.45 else r.choice(pool[:-1])
    if kind is InspectionKind.JOINT:
        return [own, r.choice(["officer1", "officer2"])]
    return [own] if r.random() < 0.35 else [own, r.choice([other for other in pool if other != own])]


def _share_out(r: random.Random, visits: list[Visit]) -> None:
    """How many findings each visit has, and which; the earliest visits first, so that some come back."""
    weights = [_USUAL.get(visit.site.kind, 1.4) * r.choice((0, 0, 0.6, 1, 1.2, 1.8)) for visit in visits]
    counts = [0] * len(visits)
    while (left := FINDINGS - sum(counts)) > 0:
        for place in r.choices(range(len(visits)), weights=weights, k=left):
            counts[place] = min(counts[place] + 1, _MOST)
    suspected = _spread_suspected(r, visits, counts)
    free = set(r.sample([place for place, count in enumerate(counts) if count > 1], FREE_TEXT))
    known: dict[object, dict[str, Finding]] = {}
    for place, visit in enumerate(visits):
        here = known.setdefault(visit.site.id, {})
        codes: list[CatalogueFinding | None] = [suspected[place]] if place in suspected else []
        codes += [None] if place in free else []
        while len(codes) < counts[place]:
            codes.append(_next_code(r, visit, here, {code.code for code in codes if code is not None}))
        visit.findings = [_finding(r, visit, code) for code in codes]
        for finding in visit.findings:
            if finding.code is not None:
                _remember(here, finding, finding.code.code)


def _remember(here: dict[str, Finding], finding: Finding, code: str) -> None:
    if (earlier := here.get(code)) is not None:
        earlier.closes_by = finding.age + 1
    here[code] = finding


def _spread_suspected(r: random.Random, visits: list[Visit], counts: list[int]) -> dict[int, CatalogueFinding]:
    """Which visits find something that may be a major hazard (疑似重大): each code at most once at a place."""
    codes = [finding for finding in builtin.catalogue().values() if finding.severity == "suspected_major"]
    chosen: dict[int, CatalogueFinding] = {}
    taken = set()
    for place in r.sample(range(len(visits)), len(visits)):
        site = visits[place].site
        fitting = [code for code in codes if code.applies_to_kind(site.kind) and (site.id, code.code) not in taken]
        if counts[place] and fitting and site.parent is None and len(chosen) < SUSPECTED:
            chosen[place] = r.choice(fitting)
            taken.add((site.id, chosen[place].code))
    return chosen


def _next_code(r: random.Random, visit: Visit, here: dict[str, Finding], now: set[str]) -> CatalogueFinding:
    old = [
        finding.code
        for finding in here.values()
        if finding.code is not None
        and finding.code.severity == "general"
        and finding.code.code not in now
        and finding.age - visit.age >= _COMES_BACK_AFTER
    ]
    fresh = [
        code
        for code in builtin.catalogue().values()
        if code.severity == "general"
        and code.applies_to_kind(visit.site.kind)
        and code.code not in here
        and code.code not in now
    ]
    if old and (not fresh or r.random() < 0.22):
        return r.choice(old)
    return r.choices(fresh, weights=[_weight(visit.site, code) for code in fresh])[0]


def _weight(site: Site, code: CatalogueFinding) -> float:
    weight = float(_FREQUENT.get(code.code, 2))
    if code.deep and site.kind in {_K.MARKET, _K.COMPLEX, _K.HOTEL}:
        weight *= 1.6
    if site.parent is not None and (code.deep or code.shared_part):
        weight *= 0.3
    if code.paper_type or code.code.startswith("HW"):
        weight *= 0.5
    elif code.immediate_fix:
        weight *= 2
    return weight * (3 if code.applies_to != ("all",) and len(code.applies_to) <= 4 else 1)


def _finding(r: random.Random, visit: Visit, code: CatalogueFinding | None) -> Finding:
    data = street_data()
    if code is None:
        free = r.choice(data["free_findings"])
        place, category, text = _place(r, visit.site, "LT"), free["category"], free["text"]
    else:
        place, category = _place(r, visit.site, code.code), code.category_zh
        details = data["details"].get(code.code, [""])
        plain, _, _ = code.finding_zh.partition("（应写明")
        text = f"{plain.rstrip('。')}。{r.choice(details)}"
    inside = (visit.ended_at - visit.started_at) * r.uniform(0.1, 0.95)
    return Finding(visit, code, category, text, place, r.randrange(1 << 30), visit.started_at + inside)


def _place(r: random.Random, site: Site, code: str) -> str:
    spots = street_data()["spots"]
    spot = r.choice(spots.get(code) or spots[code[:2]])
    if any(floor in spot for floor in ("层", "屋面", "厨房", "办公室", "外", "东侧", "北")):
        return str(spot)
    if site.parent is not None:
        return f"{site.floor}{site.stall}号摊位{spot}"
    if site.kind is _K.MARKET and site.market is not None:
        floor, zone = r.randrange(1, site.market.floors + 1), r.choice("ABCDE")
        return f"{floor}楼{zone}区{zone}{floor}{r.randrange(1, 31):02d}号摊位旁{spot}"
    if site.kind in {_K.COMPLEX, _K.OFFICE, _K.HOTEL, _K.MEDICAL}:
        return f"{r.randrange(1, 13)}层{r.choice('东西南北')}侧{spot}"
    if site.kind is _K.RESIDENTIAL:
        return f"{r.randrange(1, 22)}幢{r.randrange(1, 4)}单元{spot}"
    return f"{r.randrange(1, 3)}楼{spot}" if r.random() < 0.4 else str(spot)


def _photograph(r: random.Random, visit: Visit) -> None:
    """One photo before for each finding, or two; now and then from the gallery, or from the day before."""
    for finding in visit.findings:
        for place in range(1 + (r.random() < 0.15)):
            taken_at = finding.found_at + timedelta(seconds=r.randrange(5, 60) + 40 * place)
            source = PhotoSource.GALLERY if r.random() < 0.02 else PhotoSource.CAMERA
            if r.random() < 0.01:
                taken_at -= timedelta(hours=22)
            role = PhotoRole.BEFORE if place == 0 else PhotoRole.OVERVIEW
            finding.shots.append(Shot(scene_of(finding.code), finding.seed, "before", role, taken_at, source))
