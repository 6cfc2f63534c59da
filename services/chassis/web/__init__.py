"""Pages and API: routing, access, session, languages, base template."""
