"""A sync expert without downloads: a small contrastive network that tells whether a mouth belongs to its sound.

Trained on the store itself, so its accuracy and its shift curve stand beside every figure that it gives.
"""
