"""The rules of cost shares: plain Python, no IO."""
