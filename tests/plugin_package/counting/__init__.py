"""A reward signal as another package would bring it: what was seldom seen is interesting."""
