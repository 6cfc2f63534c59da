"""Papers that leave the house, as accessible PDF."""
