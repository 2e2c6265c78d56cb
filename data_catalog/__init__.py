"""The vocabulary: what kinds of data exist, where each lives, and what made it."""
