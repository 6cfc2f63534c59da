"""The catalogue's rules: terms, words to search by, course files, comparison. No IO."""
