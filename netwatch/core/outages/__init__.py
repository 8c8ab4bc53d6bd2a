"""From what is broken to what each circuit lost, on record."""
