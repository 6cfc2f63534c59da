"""Nothing is lost: real processes are killed, stalled and cut off, and every fact is where it must be."""
