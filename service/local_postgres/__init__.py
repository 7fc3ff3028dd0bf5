"""The embedded Postgres and what Supabase would have provided on it."""
