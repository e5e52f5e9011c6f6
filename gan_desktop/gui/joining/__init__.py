"""From a card to the first contribution: the wizard's pages, and what comes with several classes."""
