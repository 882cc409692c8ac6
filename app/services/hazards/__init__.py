"""Changes to hazards, one module per use case; ``act`` is the only writer of ``Hazard.status``."""
