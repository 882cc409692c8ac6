"""The shipped reference data keeps its promises, and a broken file stops the start."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import pytest

from app.core import builtin
from app.core.builtin import BadData, parse_table
from app.domain.policies import Clock, choose_policy, policy_of
from app.domain.vocabulary import PremisesKind, Severity

CATALOGUE = builtin.catalogue()
POLICIES = tuple(policy_of(row) for row in builtin.policies().values())
RECTIFICATION = [policy for policy in POLICIES if policy.clock is Clock.RECTIFICATION]


class TestCatalogue:
    def test_has_the_described_counts(self):
        findings = list(CATALOGUE.values())
        assert len(findings) == 141
        assert sum(finding.severity == "suspected_major" for finding in findings) == 17
        assert sum(finding.immediate_fix for finding in findings) == 42
        assert sum(finding.deep for finding in findings) == 44
        assert sum(finding.shared_part for finding in findings) == 50
        assert sum(finding.verified == "memory" for finding in findings) == 2
        assert sum(len(finding.legal_basis_zh.split("；")) for finding in findings) == 336

    def test_keeps_the_wording_of_the_file(self):
        finding = CATALOGUE["EV-001"]
        assert finding.finding_zh == "疏散走道、疏散楼梯间内堆放货物、杂物，占用、堵塞疏散通道。"
        assert (finding.immediate_fix, finding.default_days, finding.applies_to) == (True, 0, ("all",))

    def test_has_33_categories_in_the_order_of_the_file(self):
        assert len(builtin.categories()) == 33
        assert builtin.categories()[0] == "疏散通道"

    def test_names_only_known_premises_kinds(self):
        for finding in CATALOGUE.values():
            assert finding.applies_to == ("all",) or set(finding.applies_to) <= set(PremisesKind), finding.code

    @pytest.mark.parametrize(
        ("code", "kind", "applies"),
        [("EV-001", "office", True), ("EV-003", "market", True), ("EV-003", "office", False)],
    )
    def test_applies_to_its_kinds(self, code, kind, applies):
        assert CATALOGUE[code].applies_to_kind(kind) is applies

    def test_every_finding_has_one_rectification_row_and_fits_its_cap(self):
        for finding in CATALOGUE.values():
            policy = choose_policy(
                POLICIES,
                severity=Severity(finding.severity),
                category_zh=finding.category_zh,
                immediate_fix=finding.immediate_fix,
                on=date(2026, 11, 24),
            )
            assert finding.default_days <= policy.max_total_days, finding.code

    @pytest.mark.parametrize("severity", [Severity.SUSPECTED_MAJOR, Severity.MAJOR])
    def test_a_raised_finding_fits_the_cap_of_its_new_row(self, severity):
        over = [
            finding.code
            for finding in CATALOGUE.values()
            if finding.default_days
            > choose_policy(
                POLICIES,
                severity=severity,
                category_zh=finding.category_zh,
                immediate_fix=finding.immediate_fix,
                on=date(2026, 11, 24),
            ).max_total_days
        ]
        assert over == []


class TestPolicies:
    def test_have_the_described_counts(self):
        counts = {clock: sum(policy.clock is clock for policy in POLICIES) for clock in Clock}
        assert counts == {
            Clock.RECTIFICATION: 46,
            Clock.SERVICE: 1,
            Clock.EXTENSION_DECISION: 1,
            Clock.REINSPECTION: 1,
            Clock.TRANSFER: 1,
            Clock.TRANSFER_RECEIPT: 1,
            Clock.MAJOR_REPORT: 1,
            Clock.COMPLAINT_ONSITE: 2,
        }

    def test_rectification_keys_are_unique_and_exact(self):
        keys = {(policy.severity, policy.category_zh, policy.immediate_fix) for policy in RECTIFICATION}
        assert len(keys) == len(RECTIFICATION)
        assert all(policy.severity is not None and policy.immediate_fix is not None for policy in RECTIFICATION)

    def test_name_only_categories_of_the_catalogue(self):
        assert {policy.category_zh for policy in POLICIES} - {None} <= set(builtin.categories())

    def test_terms_fit_their_caps(self):
        assert [policy.code for policy in POLICIES if policy.days > policy.max_total_days] == []

    def test_are_product_defaults_in_version_1(self):
        assert {row.origin for row in builtin.policies().values()} == {"product default"}
        assert {(policy.version, policy.valid_from, policy.valid_to) for policy in POLICIES} == {(1, None, None)}


class TestChecklists:
    ITEMS = tuple(item for checklist in builtin.checklists().values() for item in checklist.items)

    def test_have_the_described_counts(self):
        counts = {code: checklist.item_count for code, checklist in builtin.checklists().items()}
        assert counts == {
            "CL-MARKET": 20,
            "CL-COMPLEX": 18,
            "CL-RESTAURANT": 16,
            "CL-STREET-SHOP": 15,
            "CL-NINE-SMALL": 15,
            "CL-THREE-IN-ONE": 12,
            "CL-RENTAL-HOUSING": 12,
            "CL-RESIDENTIAL": 17,
            "CL-ELDERLY-CARE": 15,
            "CL-KINDERGARTEN": 13,
            "CL-WAREHOUSE": 16,
            "CL-INDUSTRIAL": 16,
            "CL-CONSTRUCTION-SITE": 15,
        }
        assert sum(item.deep for item in self.ITEMS) == 76
        assert sum(item.required_photo for item in self.ITEMS) == 48
        assert sum(item.night_variant for item in self.ITEMS) == 50

    def test_are_named_after_their_kind(self):
        for code, checklist in builtin.checklists().items():
            assert code == "CL-" + checklist.premises_kind.upper().replace("_", "-")
            assert checklist.version == 1

    def test_name_findings_that_apply_to_their_kind(self):
        for item in self.ITEMS:
            for code in item.catalogue_codes:
                assert CATALOGUE[code].applies_to_kind(item.premises_kind), (item.checklist_code, item.item_no, code)

    def test_use_every_finding(self):
        assert {code for item in self.ITEMS for code in item.catalogue_codes} == set(CATALOGUE)

    def test_are_deep_exactly_where_a_finding_is(self):
        for item in self.ITEMS:
            assert item.deep == any(CATALOGUE[code].deep for code in item.catalogue_codes)

    def test_keep_sections_together_with_deep_items_first(self):
        for checklist in builtin.checklists().values():
            sections = list(dict.fromkeys(item.section_zh for item in checklist.items))
            by_section = sorted(checklist.items, key=lambda item: (sections.index(item.section_zh), not item.deep))
            assert list(checklist.items) == by_section, checklist.code

    def test_explain_in_at_most_60_characters(self):
        assert max(len(item.how_zh) for item in self.ITEMS) <= 60


class TestPremisesKinds:
    def test_are_the_closed_vocabulary(self):
        assert set(builtin.premises_kinds()) == set(PremisesKind)

    def test_have_a_checklist_that_exists(self):
        assert {kind.checklist_code for kind in builtin.premises_kinds().values()} == set(builtin.checklists())


@dataclass(frozen=True)
class Sample:
    code: str
    word: Literal["a", "b"]
    flag: bool
    count: int
    most: int | None
    note: str | None
    items: tuple[str, ...]


HEADER = "code,word,flag,count,most,note,items\n"


class TestParseTable:
    def test_reads_each_kind_of_cell(self):
        text = HEADER + 'X-1,a,1,7,,,p;q\nX-2,b,0,0,30,"有, 逗号",p\n'
        assert parse_table("t.csv", text, Sample) == [
            Sample("X-1", "a", True, 7, None, None, ("p", "q")),
            Sample("X-2", "b", False, 0, 30, "有, 逗号", ("p",)),
        ]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "columns"),
            (HEADER.replace("items", "items,extra"), "columns"),
            (HEADER.replace(",note", ""), "columns"),
            (HEADER.replace("code,word", "word,code"), "columns"),
            (HEADER + "X-1,a,1,7,,,p,q\n", "line 2: 8 cells"),
            (HEADER + "X-1,a,1,7,,\n", "line 2: 6 cells"),
            (HEADER + "X-1,a,1,7,,,p\n,a,1,7,,,p\n", "line 3, code"),
            (HEADER + " X-1,a,1,7,,,p\n", "line 2, code"),
            (HEADER + "X-1,c,1,7,,,p\n", "line 2, word"),
            (HEADER + "X-1,a,yes,7,,,p\n", "line 2, flag"),
            (HEADER + "X-1,a,1,-7,,,p\n", "line 2, count"),
            (HEADER + "X-1,a,1,,,,p\n", "line 2, count"),
            (HEADER + "X-1,a,1,７,,,p\n", "line 2, count"),
            (HEADER + "X-1,a,1,7,x,,p\n", "line 2, most"),
            (HEADER + "X-1,a,1,7,,,p;;q\n", "line 2, items"),
            (HEADER + "X-1,a,1,7,,,p;p\n", "line 2, items"),
            (HEADER + 'X-1,a,1,7,,"x"y,p\n', "line 2"),
        ],
    )
    def test_refuses_anything_else(self, text, message):
        with pytest.raises(BadData, match=f"t.csv.*{message}"):
            parse_table("t.csv", text, Sample)
