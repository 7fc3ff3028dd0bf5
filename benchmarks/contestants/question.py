"""The one question that every contestant asks in the same words. Imports nothing that a contestant might not have."""

MODEL = "a-model"  # of no known name, so that nobody treats it in a way of its own
KEY = "a-key"
MOST_OUTPUT_TOKENS = 400

SYSTEM = (
    "You read one change of a code base and name the engineering pattern that it shows. Quote the lines that show it, "
    "word by word. Answer in JSON and in nothing else. "
) * 4
USER = (
    "Retry the lost connection with a growing pause, and give up after five times.\n"
    "+    for attempt in range(5):\n+        try:\n+            return await connect(address)\n"
    "+        except ConnectionError:\n+            await sleep(min(0.1 * 2 ** attempt, 2.0))\n"
) * 6

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "problem": {"type": "string"},
        "solution": {"type": "string"},
        "quotes": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name", "problem", "solution", "quotes"],
    "additionalProperties": False,
}
ANSWER = {
    "name": "Retry with a growing pause",
    "problem": "A connection that is lost for a moment fails the whole task, though the next try would have it.",
    "solution": "Try again a few times, waiting twice as long each time, and give up with the last error.",
    "quotes": ["for attempt in range(5):", "await sleep(min(0.1 * 2 ** attempt, 2.0))"],
}


def user(number: int) -> str:
    """The question's text, no two the same."""
    return f"{USER}\nThis is change number {number}."
