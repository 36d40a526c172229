"""Files that survive a kill and say when they are damaged: atomic writes, checksummed tensors, the cache."""
