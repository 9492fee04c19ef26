"""The recipe ``dbn-lab``: a lab report on RBMs and deep belief networks, and the puzzle that it leaves open."""
