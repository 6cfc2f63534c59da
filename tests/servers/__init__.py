"""Private RabbitMQ and PostgreSQL nodes, so that tests never lean on a server that happens to run here."""
