"""The published language: the envelope, golden samples of every fact, who reads what, and eligibility."""
