"""Tests mirror services/; journeys/ run the whole product, servers/ starts real ones, faults/ kills them."""
