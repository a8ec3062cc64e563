"""What runs beneath: files, log, metrics, audit file, memory, the queue for the network."""
