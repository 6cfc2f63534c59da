"""What the `samklang` commands do. The only place that knows all four services."""
