"""One adapter an SDK: asks, and tells what came of it in our words. Chooses nothing and knows no budget."""
