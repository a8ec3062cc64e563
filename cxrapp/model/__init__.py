"""A bundle: the card that describes it, the network, and what it says about a film."""
