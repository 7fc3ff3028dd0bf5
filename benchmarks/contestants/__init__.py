"""What is measured beside each other in benchmarks of money: each in a process of its own, spoken to line by line."""
