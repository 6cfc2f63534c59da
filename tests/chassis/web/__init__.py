"""The web application around a service: who may do what, and how every request that fails is answered."""
