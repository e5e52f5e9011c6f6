"""The page Today: who works, who needs help, and the queue."""
