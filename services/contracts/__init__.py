"""The published language: the envelope, one module of facts a publishing service, and who reads what."""
