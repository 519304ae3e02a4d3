"""Breaks a deployment one way at a time, and scores what was noticed."""
