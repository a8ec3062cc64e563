"""Labels, scores and thresholds -> numbers, each with its 95 % interval by patient. No torch."""
