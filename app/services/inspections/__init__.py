"""Submitting a visit, all or nothing."""
