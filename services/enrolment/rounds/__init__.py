"""The admission round around its pure domain: what families rank, what is frozen, run and published."""
