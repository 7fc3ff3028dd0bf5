"""What models are asked, one type of task a file: its prompt, the shape of its answer, and its version."""
