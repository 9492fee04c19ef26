"""The recipe ``dbn-2006``."""
