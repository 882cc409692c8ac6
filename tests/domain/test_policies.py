"""Which row of the deadline table serves a hazard."""

from dataclasses import replace
from datetime import date
from itertools import product

import pytest

from app.core import builtin
from app.domain.policies import AmbiguousPolicy, Clock, Counting, NoPolicy, choose_policy, policy_of
from app.domain.vocabulary import Role, Severity

TODAY = date(2026, 11, 24)
POLICIES = tuple(policy_of(row) for row in builtin.policies().values())
BY_CODE = {policy.code: policy for policy in POLICIES}


def chosen(policies=POLICIES, *, severity=Severity.GENERAL, category_zh="灭火器", immediate_fix=False, **changes):
    case = {"severity": severity, "category_zh": category_zh, "immediate_fix": immediate_fix, "on": TODAY} | changes
    return choose_policy(policies, **case)


class TestBuiltInRows:
    @pytest.mark.parametrize(
        ("severity", "category_zh", "immediate_fix", "code"),
        [
            (Severity.GENERAL, "灭火器", False, "DL-G-EXTING"),
            (Severity.GENERAL, "灭火器", True, "DL-G-IMM"),
            (Severity.GENERAL, "疏散通道", False, "DL-G-EVAC"),
            (Severity.GENERAL, "有限空间", False, "DL-G-ANY"),
            (Severity.GENERAL, "没有这一类", False, "DL-G-ANY"),
            (Severity.SUSPECTED_MAJOR, "疏散通道", False, "DL-M-EVAC"),
            (Severity.SUSPECTED_MAJOR, "疏散通道", True, "DL-M-IMM"),
            (Severity.SUSPECTED_MAJOR, "灭火器", False, "DL-M-ANY"),
            (Severity.MAJOR, "疏散通道", False, "DL-M-EVAC"),
            (Severity.MAJOR, "灭火器", False, "DL-M-ANY"),
            (Severity.MAJOR, "灭火器", True, "DL-M-IMM"),
        ],
    )
    def test_exact_first_then_any_category(self, severity, category_zh, immediate_fix, code):
        assert chosen(severity=severity, category_zh=category_zh, immediate_fix=immediate_fix).code == code

    @pytest.mark.parametrize(
        ("clock", "severity", "code"),
        [
            (Clock.SERVICE, Severity.GENERAL, "DL-C-SERVE"),
            (Clock.REINSPECTION, Severity.MAJOR, "DL-C-RECHK"),
            (Clock.MAJOR_REPORT, Severity.SUSPECTED_MAJOR, "DL-C-MAJOR"),
            (Clock.MAJOR_REPORT, Severity.MAJOR, "DL-C-MAJOR"),
        ],
    )
    @pytest.mark.parametrize("immediate_fix", [True, False])
    def test_office_clocks_serve_every_category(self, clock, severity, code, immediate_fix):
        assert chosen(clock=clock, severity=severity, immediate_fix=immediate_fix).code == code

    def test_every_case_of_a_rectification_has_exactly_one_row(self):
        cases = list(product(Severity, builtin.categories(), [True, False]))
        for severity, category_zh, immediate_fix in cases:
            policy = chosen(severity=severity, category_zh=category_zh, immediate_fix=immediate_fix)
            assert policy.immediate_fix is immediate_fix
        assert len(cases) == 3 * 33 * 2

    def test_carry_caps_and_approvers(self):
        policy = BY_CODE["DL-G-EVAC"]
        assert (policy.version, policy.days, policy.counting) == (1, 7, Counting.CALENDAR)
        assert (policy.max_extensions, policy.max_total_days, policy.next_if_over_total_days) == (2, 60, 30)
        assert (policy.approver_first, policy.approver_next) == (Role.OFFICE, Role.LEADER)
        assert BY_CODE["DL-C-SERVE"].counting == Counting.WORKING
        assert BY_CODE["DL-M-ANY"].next_if_over_total_days is None


class TestVersions:
    OLD = replace(BY_CODE["DL-G-EXTING"], valid_to=date(2026, 6, 30))
    NEW = replace(BY_CODE["DL-G-EXTING"], version=2, days=2, valid_from=date(2026, 7, 1))

    @pytest.mark.parametrize(("on", "version"), [(date(2026, 6, 30), 1), (date(2026, 7, 1), 2)])
    def test_the_one_in_force_that_day(self, on, version):
        assert chosen([self.NEW, self.OLD], on=on).version == version

    def test_the_newest_of_those_in_force(self):
        assert chosen([BY_CODE["DL-G-EXTING"], self.NEW]).version == 2

    def test_an_expired_row_leaves_the_general_one(self):
        assert chosen([self.OLD, BY_CODE["DL-G-ANY"]]).code == "DL-G-ANY"

    def test_a_row_for_major_goes_before_the_one_for_suspected(self):
        own = replace(BY_CODE["DL-M-ANY"], code="OWN", severity=Severity.MAJOR)
        assert chosen([BY_CODE["DL-M-ANY"], own], severity=Severity.MAJOR).code == "OWN"
        assert chosen([BY_CODE["DL-M-ANY"], own], severity=Severity.SUSPECTED_MAJOR).code == "DL-M-ANY"

    def test_category_goes_before_severity(self):
        own = replace(BY_CODE["DL-M-ANY"], code="OWN", severity=Severity.MAJOR)
        assert chosen([own, BY_CODE["DL-M-EVAC"]], severity=Severity.MAJOR, category_zh="疏散通道").code == "DL-M-EVAC"


class TestHoles:
    def test_no_row_in_force(self):
        with pytest.raises(NoPolicy, match="灭火器"):
            chosen([TestVersions.OLD])

    def test_rows_of_another_clock_do_not_serve(self):
        with pytest.raises(NoPolicy):
            chosen([BY_CODE["DL-C-SERVE"]])

    def test_general_rows_do_not_serve_major(self):
        with pytest.raises(NoPolicy):
            chosen([BY_CODE["DL-G-ANY"]], severity=Severity.MAJOR)

    def test_two_rows_that_fit_equally_well(self):
        with pytest.raises(AmbiguousPolicy, match="DL-C-CMPL"):
            chosen(clock=Clock.COMPLAINT_ONSITE)
