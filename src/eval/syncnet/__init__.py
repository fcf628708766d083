"""SyncNet and its LSE-D / LSE-C / AV-offset protocol, the field's usual measure of lip sync.

An implementation of our own, from a functional description; official weight files load by key.
"""
