"""The playground: a page on which a machine is drawn on, looked into and trained; and a model on one page by itself."""
