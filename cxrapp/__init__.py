"""Chest X-ray screening: films in, findings with their evidence and their uncertainty out."""

__version__ = "0.1.0"
