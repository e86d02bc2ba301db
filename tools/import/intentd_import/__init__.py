"""Writes a model directory from a checkpoint of another project, and checks that both score alike."""
