"""What one process of the app holds for all its readers."""
