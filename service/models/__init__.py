"""Which models there are, at what price, and the router that asks them: put together from the settings."""
