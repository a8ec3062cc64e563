"""Chest X-ray screening: films in, findings with their evidence and their uncertainty out."""

import os

# PyTorch says on standard error, where the log is, that tensors in eight bits will end one day.
os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # read when it is loaded

__version__ = "0.1.0"
