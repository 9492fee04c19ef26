"""The recipe ``rbm-mnist-128``: a loss whose gradient runs through the reconstruction."""
