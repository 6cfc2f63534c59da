"""What one can ask of billing: one function an intention, a module a subject."""
