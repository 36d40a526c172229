"""The command line: thin callers of what the layers below do."""
