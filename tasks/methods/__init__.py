"""The mathematics: pure functions of arrays and tables, told apart by frozen parameters."""
