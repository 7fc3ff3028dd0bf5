"""A loopback server that speaks as Ollama, Anthropic and OpenAI do, with their failures and its own bill."""
