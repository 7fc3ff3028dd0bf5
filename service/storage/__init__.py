"""Everything that speaks SQL; statements stand in sql/*.sql."""
