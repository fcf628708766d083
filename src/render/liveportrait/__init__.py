"""LivePortrait: a photo-real renderer that loads the official weights, for machines with a GPU.

Reference:
    Guo et al.: LivePortrait: Efficient Portrait Animation with Stitching and Retargeting Control, arXiv 2407.03168.
"""
