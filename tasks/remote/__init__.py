"""Archives elsewhere: how they are asked, and how what they send comes to stand in folders."""
