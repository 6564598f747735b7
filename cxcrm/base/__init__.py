"""What every app stands on: domain errors, after-commit queueing, the clock, the desk's lists."""
