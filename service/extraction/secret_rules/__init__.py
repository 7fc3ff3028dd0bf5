"""What counts as a secret: a kept library's patterns first, then our own. Patterns only; `redact` applies them."""
