"""Who is asking: tokens of Supabase's shape, made and checked. Knows neither HTTP nor tables."""
