"""Offline training of the bundles that cxrapp screens with."""
