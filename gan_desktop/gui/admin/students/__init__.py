"""The page Students: people, cards, class codes."""
