"""The `samklang` command line."""
