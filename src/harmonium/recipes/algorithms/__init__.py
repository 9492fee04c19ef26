"""The recipe ``algorithms``: three ways to start the chains of the negative phase."""
