"""The driver of the measurements: builds the competitors, runs them in turn, prints tables."""
