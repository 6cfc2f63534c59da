"""The product in real Chromium."""
