"""What a reader should know about a hazard's record."""

from app.domain.vocabulary import Flag
from app.models import Hazard


def add_flag(hazard: Hazard, flag: Flag) -> None:
    """Raise ``flag`` on a locked hazard; once is enough."""
    if flag not in hazard.flags:
        hazard.flags = [*hazard.flags, flag.value]


def drop_flag(hazard: Hazard, flag: Flag) -> None:
    """Lower ``flag``."""
    hazard.flags = [raised for raised in hazard.flags if raised != flag]
