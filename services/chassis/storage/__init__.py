"""Engine, unit of work, outbox and inbox."""
