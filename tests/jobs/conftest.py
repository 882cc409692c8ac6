"""Jobs are tested with what a phone sends."""

from tests.api.conftest import Phone, phone

__all__ = ["Phone", "phone"]
