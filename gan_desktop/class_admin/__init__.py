"""What an instructor does with a class: plain functions for every front end.

Each opens a connection of its own, so that it may be called from any thread; all but `make_class` log in as
the class's coordinator. PyTorch is imported only by the functions that need it.
"""
