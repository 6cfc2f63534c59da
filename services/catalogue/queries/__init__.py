"""What pages and API read; every function takes a connection and writes nothing."""
