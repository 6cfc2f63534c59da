"""Bank statements (camt.053) and notifications (camt.054) of ISO 20022, versions 02 and 08."""
