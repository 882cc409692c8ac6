"""The closed vocabularies of the field: stable codes, never shown to people. Source: lifecycle.md; contract.md."""

from enum import StrEnum


class Status(StrEnum):
    """Where a hazard stands (状态); overdue is not a status."""

    RECTIFYING = "rectifying"
    AWAITING_REINSPECTION = "awaiting_reinspection"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    TRANSFERRED = "transferred"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    VOIDED = "voided"


FINAL = frozenset({Status.CLOSED, Status.VOIDED})
CHASED = frozenset({Status.RECTIFYING, Status.AWAITING_REINSPECTION, Status.AWAITING_CONFIRMATION})
"""待追办: the statuses that can be overdue."""


class CloseReason(StrEnum):
    RECTIFIED = "rectified"
    ON_SITE = "on_site"
    TRANSFERRED = "transferred"
    PREMISES_GONE = "premises_gone"


class Severity(StrEnum):
    GENERAL = "general"
    SUSPECTED_MAJOR = "suspected_major"
    MAJOR = "major"


class Role(StrEnum):
    INSPECTOR = "inspector"
    OFFICER = "officer"
    OFFICE = "office"
    LEADER = "leader"
    DISTRICT = "district"
    AUDITOR = "auditor"
    ADMIN = "admin"


class InspectionKind(StrEnum):
    PATROL = "patrol"
    ADMIN_INSPECTION = "admin_inspection"
    JOINT = "joint"
    SELF_CHECK = "self_check"
    REINSPECTION = "reinspection"
    COMPLAINT = "complaint"
    NIGHT_CHECK = "night_check"


class AnswerResult(StrEnum):
    PASS = "pass"  # noqa: S105  the word, not a password
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    NOT_CHECKED = "not_checked"


class PhotoRole(StrEnum):
    BEFORE = "before"
    AFTER = "after"
    OVERVIEW = "overview"
    DOCUMENT = "document"
    SIGNATURE = "signature"


class PhotoSource(StrEnum):
    CAMERA = "camera"
    GALLERY = "gallery"
    FILE = "file"


class AreaLevel(StrEnum):
    """Codes have 6, 9, 12 and 14 digits (GB/T 2260 and the statistics bureau's)."""

    DISTRICT = "district"
    STREET = "street"
    COMMUNITY = "community"
    GRID = "grid"


class PremisesKind(StrEnum):
    MARKET = "market"
    COMPLEX = "complex"
    RESTAURANT = "restaurant"
    STREET_SHOP = "street_shop"
    NINE_SMALL = "nine_small"
    THREE_IN_ONE = "three_in_one"
    RENTAL_HOUSING = "rental_housing"
    RESIDENTIAL = "residential"
    ELDERLY_CARE = "elderly_care"
    KINDERGARTEN = "kindergarten"
    WAREHOUSE = "warehouse"
    INDUSTRIAL = "industrial"
    CONSTRUCTION_SITE = "construction_site"
    HOTEL = "hotel"
    OFFICE = "office"
    ENTERTAINMENT = "entertainment"
    MEDICAL = "medical"


class PremisesStatus(StrEnum):
    ACTIVE = "active"
    UNREGISTERED = "unregistered"
    CLOSED = "closed"
    REPLACED = "replaced"


class Flag(StrEnum):
    """What a reader should know about a hazard's record; nothing is refused for it."""

    CLOCK_SUSPECT = "clock_suspect"
    SEVERITY_RAISED = "severity_raised"
    INTERIM_MEASURES_MISSING = "interim_measures_missing"
    PHOTO_FROM_GALLERY = "photo_from_gallery"
    PHOTO_OUTSIDE_VISIT = "photo_outside_visit"
    PHOTO_UNREADABLE = "photo_unreadable"


class FeedType(StrEnum):
    HAZARD = "hazard"
    INSPECTION = "inspection"
    PREMISES = "premises"
    PHOTO = "photo"
    CAMPAIGN = "campaign"
    SUPERVISION = "supervision"


class FeedOp(StrEnum):
    UPSERT = "upsert"
    VOID = "void"
    REMOVED_FROM_SCOPE = "removed_from_scope"


class FailReason(StrEnum):
    """Why a re-inspection failed when there is no photo to show it."""

    NOT_RECTIFIED = "not_rectified"
    PARTLY_RECTIFIED = "partly_rectified"
    CAME_BACK = "came_back"
    NO_ACCESS = "no_access"
    PAPER_INSUFFICIENT = "paper_insufficient"
