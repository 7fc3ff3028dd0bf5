"""From an interaction to grounded, consolidated patterns."""
