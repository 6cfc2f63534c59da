"""Published rules of real schools, entered as configuration, and tried sentence by sentence."""
