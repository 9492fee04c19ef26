"""The recipe ``rbm-mnist-500``: a long run of CD-1."""
