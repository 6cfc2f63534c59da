"""What pages, API and commands read, a module a subject."""
