"""A class of virtual students: the real protocol over real connections, with nothing computed."""
