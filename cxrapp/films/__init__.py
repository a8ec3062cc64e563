"""Files from outside -> films, decoded apart and shaped for the network. No torch."""
