"""What a reader should know about a hazard's record."""

from collections.abc import Sequence

from app.domain.lifecycle import needs_interim_measures
from app.domain.vocabulary import Flag, PhotoSource
from app.models import Hazard, Photo


def add_flag(hazard: Hazard, flag: Flag) -> None:
    """Raise ``flag`` on a locked hazard; once is enough."""
    if flag not in hazard.flags:
        hazard.flags = [*hazard.flags, flag.value]


def drop_flag(hazard: Hazard, flag: Flag) -> None:
    """Lower ``flag``."""
    hazard.flags = [raised for raised in hazard.flags if raised != flag]


def flag_interim_measures(hazard: Hazard) -> None:
    """Raise or lower the flag for missing interim measures, as severity, term and measures stand."""
    if needs_interim_measures(hazard.severity, hazard.due_days) and not hazard.interim_measures:
        add_flag(hazard, Flag.INTERIM_MEASURES_MISSING)
    else:
        drop_flag(hazard, Flag.INTERIM_MEASURES_MISSING)


def flag_sources(hazard: Hazard, photos: Sequence[Photo]) -> None:
    """Whoever confirms should know that a photo came from the gallery, not the camera."""
    if any(photo.source is PhotoSource.GALLERY for photo in photos):
        add_flag(hazard, Flag.PHOTO_FROM_GALLERY)
