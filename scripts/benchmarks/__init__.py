"""Measured comparisons: the service against its own database doing the same rows, in the same rounds."""
