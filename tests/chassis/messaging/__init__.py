"""Relay, worker, catch-up and entrypoints: on RabbitMQ and on kombu's in-memory transport."""
