"""The microservice chassis every service stands on: storage, messaging, web. It knows no service."""
