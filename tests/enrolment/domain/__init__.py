"""The order of queues, and who gets a seat."""
