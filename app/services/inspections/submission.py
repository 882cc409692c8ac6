"""A visit as the phone sends it. Source: contract.md, «Submission»."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.core.errors import Conflict, Rejected
from app.domain.vocabulary import (
    AnswerResult,
    FailReason,
    InspectionKind,
    PhotoRole,
    PhotoSource,
    PremisesKind,
    Severity,
)
from app.services.hazards.turn import Place


@dataclass(frozen=True, slots=True)
class NewPremises:
    """A place that is not in the register yet."""

    id: UUID
    name: str
    kind: PremisesKind
    area_id: UUID
    address: str


@dataclass(frozen=True, slots=True)
class ItemAnswer:
    """The answer to one checklist item."""

    item_no: int
    result: AnswerResult
    reason: str | None
    photo_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class HazardReport:
    """A danger found on the visit."""

    id: UUID
    finding_code: str | None
    text: str | None
    category_zh: str | None
    severity: Severity | None
    place: str | None
    found_at: datetime
    due_on: date | None
    due_reason: str | None
    fixed_on_site: bool
    on_site_reason: str | None
    interim_measures: str | None
    responsible_party: str | None
    photo_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Recheck:
    """A re-inspection done on the same visit, of a hazard reported before."""

    action_id: UUID
    hazard_id: UUID
    base_round: int
    passed: bool
    reason_code: FailReason | None
    note: str | None
    photo_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class PhotoDeclaration:
    """A photo whose bytes come by themselves."""

    id: UUID
    sha256: str
    bytes: int
    role: PhotoRole
    taken_at: datetime
    source: PhotoSource


@dataclass(frozen=True, slots=True)
class Submission:
    """The whole content of ``PUT /inspections/{id}``, with the hashes of what was received."""

    id: UUID
    request_hash: str
    content_hash: str
    premises_id: UUID | None
    premises: NewPremises | None
    kind: InspectionKind
    inspector_ids: tuple[UUID, ...]
    started_at: datetime
    ended_at: datetime
    offset_ms: int | None
    device_seq: int | None
    location: Place | None
    checklist: tuple[str, int] | None
    answers: tuple[ItemAnswer, ...]
    hazards: tuple[HazardReport, ...]
    rechecks: tuple[Recheck, ...]
    photos: tuple[PhotoDeclaration, ...]
    note: str | None


class InspectionDiffers(Conflict):
    code, title, title_zh = (
        "inspection-differs",
        "You sent this inspection before with other content",
        "同一检查编号的内容不一致",
    )


class PhotoDiffers(Conflict):
    code, title, title_zh = "photo-differs", "Other bytes came under this photo id", "同一照片编号的内容不一致"


class NotADocument(Rejected):
    code, title, title_zh = "not-a-document", "A PDF is a document, not a photo", "PDF 只能作为资料上传"


class DuplicateId(Rejected):
    code, title, title_zh = "duplicate-id", "An id stands twice", "编号重复"


class UnknownPhoto(Rejected):
    code, title, title_zh = "unknown-photo", "A photo is used but not declared", "引用了未声明的照片"


class UnknownFinding(Rejected):
    code, title, title_zh = "unknown-finding", "No such finding in the catalogue", "隐患代码不存在"


class FindingIncomplete(Rejected):
    code, title, title_zh = (
        "finding-incomplete",
        "A finding without a code needs text, category and severity",
        "未选隐患代码时须填写描述、类别和级别",
    )


class UnknownCategory(Rejected):
    code, title, title_zh = "unknown-category", "No such hazard category", "隐患类别不存在"


class BeforePhotoMissing(Rejected):
    code, title, title_zh = "before-photo-missing", "A hazard needs a before-photo", "隐患须至少有一张整改前照片"


class AfterPhotoMissing(Rejected):
    code, title, title_zh = "after-photo-missing", "Fixed on the spot needs an after-photo", "即查即改须有整改后照片"


class NotFixableOnSite(Rejected):
    code, title, title_zh = (
        "not-fixable-on-site",
        "Only a general hazard can be fixed on the spot",
        "该隐患不能即查即改",
    )


class UnknownChecklist(Rejected):
    code, title, title_zh = "unknown-checklist", "No such checklist, version or item", "检查表、版本或检查项不存在"


class UnknownInspector(Rejected):
    code, title, title_zh = "unknown-inspector", "An inspector is not of this street", "检查人员不属于本街道"


class KindNotAllowed(Rejected):
    code, title, title_zh = (
        "kind-not-allowed",
        "An administrative inspection needs an officer",
        "行政检查须由执法人员实施",
    )
