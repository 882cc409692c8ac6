"""What must happen to a hazard, written again from lifecycle.md: a model to hold the service against."""

from dataclasses import dataclass, field

FIELD = {"inspector", "officer"}
LEADING = {"leader", "district"}
CHASED = {"rectifying", "awaiting_reinspection", "awaiting_confirmation"}


@dataclass(frozen=True)
class Who:
    """Somebody with a role; two of one role are two persons."""

    name: str
    role: str


@dataclass
class Expected:
    """A hazard as it must stand."""

    reporters: set[str]
    severity: str
    status: str = "rectifying"
    version: int = 1
    round: int = 1
    claimant: str | None = None
    passer: str | None = None
    judge: str | None = None
    is_judged: bool = False
    void_asker: str | None = None
    events: list[str] = field(default_factory=lambda: ["report"])
    measures: str | None = None

    def happened(self, *events: str) -> None:
        """Each of these raised the version."""
        self.events += events
        self.version += len([event for event in events if event != "comment"])


Outcome = tuple[int, str | None]
DONE: Outcome = (201, None)


def no(status: int, code: str) -> Outcome:
    return status, code


FORBIDDEN = no(403, "forbidden")
ILLEGAL = no(409, "illegal-action")


def _withdraw(hazard: Expected) -> None:
    if hazard.void_asker is not None:
        hazard.void_asker = None
        hazard.happened("withdraw_void")


def claim(hazard: Expected, who: Who, base_round: int, *, has_photo: bool) -> Outcome:
    if who.role not in FIELD | {"office"}:
        return FORBIDDEN
    if base_round != hazard.round:
        return no(409, "other-round")
    if hazard.status != "rectifying":
        return ILLEGAL
    if not has_photo:
        return no(409, "evidence-missing")
    _withdraw(hazard)
    hazard.status, hazard.claimant = "awaiting_reinspection", who.name
    hazard.happened("claim_rectified")
    return DONE


def reinspect(hazard: Expected, who: Who, base_round: int, *, passes: bool, has_photo: bool) -> Outcome:
    if who.role not in FIELD:
        return FORBIDDEN
    if base_round != hazard.round:
        return no(409, "other-round")
    if hazard.status not in {"rectifying", "awaiting_reinspection"}:
        return ILLEGAL
    if passes and not has_photo:
        return no(409, "evidence-missing")
    _withdraw(hazard)
    if passes:
        own = who.name == hazard.claimant if hazard.claimant else who.name in hazard.reporters
        hazard.passer = who.name
        hazard.status = "awaiting_confirmation" if own or hazard.severity != "general" else "closed"
        hazard.happened("pass_reinspection")
    else:
        _next_round(hazard)
        hazard.happened("fail_reinspection")
    return DONE


def _next_round(hazard: Expected) -> None:
    hazard.status, hazard.round = "rectifying", hazard.round + 1
    hazard.claimant = hazard.passer = None


def _version(hazard: Expected, base: int | None) -> Outcome | None:
    if base is None:
        return no(428, "version-missing")
    return no(412, "stale-version") if base != hazard.version else None


def confirm(hazard: Expected, who: Who, base: int | None, *, confirms: bool) -> Outcome:
    if who.role not in LEADING | {"office"}:
        return FORBIDDEN
    if (wrong := _version(hazard, base)) is not None:
        return wrong
    if hazard.status != "awaiting_confirmation":
        return ILLEGAL
    if hazard.void_asker is not None:
        return no(409, "void-pending")
    if who.role == "office" and hazard.severity != "general":
        return FORBIDDEN
    judged_general = hazard.judge if hazard.severity == "general" else None
    if who.name in hazard.reporters | {hazard.claimant, hazard.passer, judged_general}:
        return no(409, "four-eyes")
    if confirms and hazard.severity != "general" and not hazard.is_judged:
        return no(409, "determination-missing")
    if confirms:
        hazard.status = "closed"
        hazard.happened("confirm")
    else:
        _next_round(hazard)
        hazard.happened("refuse")
    return DONE


def determine(hazard: Expected, who: Who, base: int | None, *, verdict: str) -> Outcome:
    if who.role not in (LEADING | {"office"} if verdict == "major" else LEADING):
        return FORBIDDEN
    if (wrong := _version(hazard, base)) is not None:
        return wrong
    if hazard.status in {"closed", "voided"} or (verdict == "general" and hazard.severity == "general"):
        return ILLEGAL
    if hazard.void_asker is not None:
        return no(409, "void-pending")
    if verdict == "general" and hazard.severity == "major" and who.role != "district":
        return FORBIDDEN
    if verdict == "general" and who.name in hazard.reporters | {hazard.claimant}:
        return no(409, "four-eyes")
    hazard.severity, hazard.judge, hazard.is_judged = verdict, who.name, True
    hazard.happened(f"determine_{verdict}")
    return DONE


def ask_void(hazard: Expected, who: Who, base: int | None) -> Outcome:
    if who.role != "office":
        return FORBIDDEN
    if (wrong := _version(hazard, base)) is not None:
        return wrong
    if hazard.status in {"closed", "voided"}:
        return ILLEGAL
    if hazard.void_asker is not None:
        return no(409, "void-pending")
    hazard.void_asker = who.name
    hazard.happened("ask_void")
    return DONE


def decide_void(hazard: Expected, who: Who, base: int | None, *, grants: bool) -> Outcome:
    if who.role not in LEADING:
        return FORBIDDEN
    if (wrong := _version(hazard, base)) is not None:
        return wrong
    if hazard.void_asker is None or hazard.status in {"closed", "voided"}:
        return ILLEGAL
    if hazard.severity == "major" and who.role != "district":
        return FORBIDDEN
    if who.name in hazard.reporters | {hazard.void_asker}:
        return no(409, "four-eyes")
    hazard.void_asker = None
    if grants:
        hazard.status = "voided"
    hazard.happened("grant_void" if grants else "refuse_void")
    return DONE


def set_measures(hazard: Expected, who: Who, measures: str) -> Outcome:
    if who.role not in FIELD | {"office"}:
        return FORBIDDEN
    if hazard.status in {"closed", "voided"}:
        return ILLEGAL
    _withdraw(hazard)
    hazard.measures = measures
    hazard.happened("set_interim_measures")
    return DONE


def comment(hazard: Expected, who: Who) -> Outcome:
    if who.role in {"auditor", "admin"}:
        return FORBIDDEN
    hazard.happened("comment")
    return DONE
