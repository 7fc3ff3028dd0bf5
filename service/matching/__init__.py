"""Finding the patterns that fit an intent."""
