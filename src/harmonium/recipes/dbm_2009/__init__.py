"""The recipe ``dbm-2009``."""
