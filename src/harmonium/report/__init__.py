"""Reports: a run or a recipe told as one self-contained page."""
