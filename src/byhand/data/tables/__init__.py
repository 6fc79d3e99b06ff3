"""Tables: their text, their columns, what each column is for, and how they become the inputs of a network."""
