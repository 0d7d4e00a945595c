"""Scenes in Unity, which connect over gRPC."""
