"""The chassis: its rooms as under services/chassis, on both databases and on a real broker."""
