"""HTTP: the board, the JSON API, live updates, people's acts. Reads a `View`, never the store."""
