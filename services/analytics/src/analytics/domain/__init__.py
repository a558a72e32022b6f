"""What figures mean and how they come about; no I/O."""
