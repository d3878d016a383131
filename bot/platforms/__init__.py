"""The platforms that carry a push, each in a folder of the same file names, behind the protocol in `base`."""
