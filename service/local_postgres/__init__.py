"""The embedded Postgres and what Supabase would have provided on it."""

from typing import Final

# The one person of an installation on this machine, as bootstrap.sql inserts them into auth.users: the command
# line and the loopback API act as them.
LOCAL_USER: Final = "00000000-0000-4000-8000-000000000001"
