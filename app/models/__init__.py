"""Tables, one module per aggregate; importing this package registers all of them."""

from app.models.area import Area
from app.models.feed import ChainHead, Feed, FeedChain, Outbox, Seal
from app.models.hazard import Hazard, HazardEvent, HazardPhoto, VoidRequest
from app.models.inspection import Answer, Inspection
from app.models.job import Job
from app.models.person import Client, CredentialEvent, FormerPassword, SignIn, SignInFailures, Token, User, UserArea
from app.models.photo import Photo
from app.models.premises import Market, Premises
from app.models.reference import CalendarDay, CalendarNotice, NumberBlock, ReceiptKey

__all__ = [
    "Answer",
    "Area",
    "CalendarDay",
    "CalendarNotice",
    "ChainHead",
    "Client",
    "CredentialEvent",
    "Feed",
    "FeedChain",
    "FormerPassword",
    "Hazard",
    "HazardEvent",
    "HazardPhoto",
    "Inspection",
    "Job",
    "Market",
    "NumberBlock",
    "Outbox",
    "Photo",
    "Premises",
    "ReceiptKey",
    "Seal",
    "SignIn",
    "SignInFailures",
    "Token",
    "User",
    "UserArea",
    "VoidRequest",
]
