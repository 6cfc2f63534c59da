"""Facts between services: listener, relay, worker and catch-up."""
