"""What recipes share: the rows of MNIST, likelihoods, machines small enough to list, and words for the page."""
