"""A rule book in plain words: every field with an effect, said in both languages from the field itself."""
