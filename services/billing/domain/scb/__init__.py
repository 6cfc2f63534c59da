"""Population figures from the files people have: Statistics Sweden's own layouts, and a simple list."""
