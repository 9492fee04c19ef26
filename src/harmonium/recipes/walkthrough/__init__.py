"""The recipe ``walkthrough``: a derivation checked, and two faults of its code."""
