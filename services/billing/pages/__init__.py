"""Pages of billing, a module a subject."""
