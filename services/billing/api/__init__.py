"""The JSON API of billing, a module a subject. Amounts are whole öre; exact shares are fractions as text."""
