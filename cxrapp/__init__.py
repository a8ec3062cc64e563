"""Chest X-ray screening: films in, findings with their evidence and their uncertainty out."""
