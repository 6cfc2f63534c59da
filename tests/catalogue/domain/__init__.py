"""The catalogue's rules, without any IO."""
