"""Many processes, one training: who they are, and how they sum."""
