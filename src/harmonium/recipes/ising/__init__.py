"""The recipe ``ising``: the couplings of a small magnet, recovered from its states."""
