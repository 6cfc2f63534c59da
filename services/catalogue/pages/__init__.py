"""The catalogue's pages, a module a subject."""
