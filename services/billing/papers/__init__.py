"""Papers that leave the house: accessible PDF, and spreadsheets of the same figures."""
