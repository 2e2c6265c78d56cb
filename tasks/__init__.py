"""How one step runs: pure methods on arrays, and thin stages that read, call, write and record."""
