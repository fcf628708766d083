"""Avatars for voice agents: `livekit_avatar` for LiveKit Agents, `pipecat_avatar` for Pipecat.

Each needs its package, an extra of that name, which needs protobuf 5 or later; `make .venv-adapters` makes such an
environment. Neither is imported by anything else of the program.
"""
